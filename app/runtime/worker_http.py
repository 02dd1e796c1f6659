"""What a worker tells over HTTP (``/metrics``, ``/healthz``, ``/readyz``) and by its row among the instances."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import msgspec
from aiohttp import web
from mode import Service
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.log.postgres.connect import OPTIONS
from app.runtime import allocator
from app.runtime.heartbeat import Heartbeat, beating
from app.runtime.worker_status import Watch
from app.stores.admin.instances import Instances
from app.stream.role import Process

if TYPE_CHECKING:
    from app.postgres import Pool

CLOSE_SECONDS: Final = 1.0
CONNECTIONS: Final = 2


class Outlook(Service):
    """Runs beside the roles as long as the worker; started before them, so that it can tell that they are not ready."""

    def __init__(self, process: Process, **kwargs: Any) -> None:  # noqa: ANN401  mode's own arguments
        """Take the process whose roles are told of."""
        super().__init__(**kwargs)
        self._process = process
        self._runner: web.AppRunner | None = None

    async def on_start(self) -> None:
        """Begin to beat, and listen where a port is set. Raises OSError for a port in use."""
        settings = self._process.settings
        await self.add_async_context(allocator.bounded())
        pool = await self.add_async_context(_pool(settings.database_url))
        self._watch = Watch(self._process, pool)
        await self.add_async_context(beating(Heartbeat(Instances(pool), "worker", self._watch.figures)))
        if settings.worker_port:
            self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=CLOSE_SECONDS)
            await self._runner.setup()
            await web.TCPSite(self._runner, settings.host, settings.worker_port).start()

    async def on_stop(self) -> None:
        """Close the port; the row is taken away with what was entered at the start."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/healthz", _healthz)
        application.router.add_get("/readyz", self._readyz)
        application.router.add_get("/metrics", _metrics)
        return application

    async def _readyz(self, _: web.Request) -> web.Response:
        """Answer 503 with the reasons where this process can't do its work."""
        reasons = [{"code": code, "message": text} for code, text in await self._watch.unready()]
        return _json({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)


async def _healthz(_: web.Request) -> web.Response:
    """Answer that the process runs, and its event loop with it."""
    return _json({"alive": True}, 200)


async def _metrics(_: web.Request) -> web.Response:
    """Answer in Prometheus' text format."""
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _json(content: object, status: int) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), status=status, content_type="application/json")


@asynccontextmanager
async def _pool(url: str) -> AsyncIterator["Pool"]:
    """Open connections that no work waits for; they are made when they are used."""
    pool = await asyncpg.create_pool(url, min_size=0, max_size=CONNECTIONS, **OPTIONS)
    try:
        yield pool
    finally:
        pool.terminate()
