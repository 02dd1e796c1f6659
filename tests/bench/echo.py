"""The peer of ingest: an aiohttp handler that reads the body and answers, and does nothing else.

It does not unpack bodies, writes no access log and runs on the same event loop as ingest: otherwise the peer would be
slower, and the ratio look better.
"""

import asyncio
import json
import os
import uuid

from aiohttp import web

from app.runtime.loop import new_loop


async def answer(request: web.Request) -> web.Response:
    """Read the body and answer as a Sentry server does."""
    await request.read()
    return web.json_response({"id": uuid.uuid4().hex})


async def serve() -> None:
    """Serve on a free port until the process ends."""
    application = web.Application(client_max_size=32 << 20)
    application.router.add_post("/api/{project}/envelope/", answer)
    runner = web.AppRunner(application, auto_decompress=False, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    with os.fdopen(int(os.environ["FAULTLINE_READY_FD"]), "w") as pipe:
        pipe.write(json.dumps({"port": runner.addresses[0][1]}) + "\n")
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(serve())
