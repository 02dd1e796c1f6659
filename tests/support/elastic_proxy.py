"""A proxy in front of Elasticsearch that can be made to fail: it forwards requests unless a test sets a fault."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

Forward = Callable[[bytes], Awaitable[web.Response]]
Fault = Callable[[bytes, Forward], Awaitable[web.Response]]
"""Answers a request of this body; the second argument forwards a body to the server."""

PRODUCT = {"X-Elastic-Product": "Elasticsearch"}


class ElasticProxy:
    """Forwards requests; each on a path that ends in ``on`` uses up one of ``faults``, of which the last stays."""

    def __init__(self, upstream: str, session: aiohttp.ClientSession) -> None:
        self.url = ""
        self.on = "_bulk"
        self.faults: list[Fault] = []
        self.bulks: list[list[str]] = []
        """The ids of each bulk request, whatever its answer."""
        self._upstream = upstream
        self._session = session

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        matches = request.path.endswith(self.on)
        if request.path.endswith("_bulk"):
            self.bulks.append([json.loads(line)["index"]["_id"] for line in body.splitlines()[::2]])

        async def forward(data: bytes) -> web.Response:
            url = self._upstream + request.path_qs
            headers = {name: request.headers[name] for name in ("Accept", "Content-Type") if name in request.headers}
            async with self._session.request(request.method, url, data=data, headers=headers) as answer:
                kept = {"Content-Type": answer.headers.get("Content-Type", "application/json"), **PRODUCT}
                return web.Response(status=answer.status, body=await answer.read(), headers=kept)

        if matches and self.faults:
            fault = self.faults.pop(0) if len(self.faults) > 1 else self.faults[0]
            return await fault(body, forward)
        return await forward(body)


@asynccontextmanager
async def elastic_proxy_to(upstream: str) -> AsyncIterator[ElasticProxy]:
    """Run a proxy on a free port."""
    async with aiohttp.ClientSession() as session:
        proxy = ElasticProxy(upstream, session)
        application = web.Application(client_max_size=1 << 30)
        application.router.add_route("*", "/{path:.*}", proxy.handle)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield proxy
        await runner.cleanup()


def answer(status: int, body: Any, **headers: str) -> web.Response:  # noqa: ANN401  whatever JSON takes
    return web.json_response(body, status=status, headers=PRODUCT | headers)


async def passing(body: bytes, forward: Forward) -> web.Response:
    """Forward the request."""
    return await forward(body)


def refusing(status: int) -> Fault:
    """Refuse the whole request."""

    async def fault(_: bytes, __: Forward) -> web.Response:
        return answer(
            status, {"error": {"type": "es_rejected_execution_exception", "reason": "busy"}, "status": status}
        )

    return fault


def refusing_items(status: int, kind: str, every: int = 2) -> Fault:
    """Refuse each ``every``-th document of a bulk request and forward the others."""

    async def fault(body: bytes, forward: Forward) -> web.Response:
        lines = body.splitlines(keepends=True)
        pairs = [lines[at : at + 2] for at in range(0, len(lines), 2)]
        kept = b"".join(b"".join(pair) for at, pair in enumerate(pairs) if at % every)
        done = json.loads((await forward(kept)).body)["items"] if kept else []  # type: ignore[arg-type]  # bytes here
        items = []
        for at, (head, _) in enumerate(pairs):
            meta = json.loads(head)["index"]
            bad = {
                "_index": meta["_index"],
                "_id": meta["_id"],
                "status": status,
                "error": {"type": kind, "reason": ""},
            }
            items.append(done.pop(0) if at % every else {"index": bad})
        return answer(200, {"errors": True, "took": 1, "items": items})

    return fault


async def hanging(_: bytes, __: Forward) -> web.Response:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def losing_the_answer(body: bytes, forward: Forward) -> web.Response:
    """Forward the request and answer with half of a JSON text, as where a connection breaks."""
    await forward(body)
    return web.Response(body=b'{"took": 1, "items": [', content_type="application/json", headers=PRODUCT)


async def shortening_the_answer(body: bytes, forward: Forward) -> web.Response:
    """Forward the request and leave out the result of the last document."""
    result = json.loads((await forward(body)).body)  # type: ignore[arg-type]  # bytes here
    return answer(200, {**result, "items": result["items"][:-1]})


async def another_server(_: bytes, __: Forward) -> web.Response:
    """Answer as another program at the address."""
    return web.Response(text="<html>It works!</html>", content_type="text/html")
