"""The HTTP server of a worker process (/metrics, /healthz, /readyz), and its row among the instances."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiohttp import web
from mode import Service
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.log.postgres.connect import OPTIONS
from app.postgres import make_pool
from app.runtime import allocator
from app.runtime.heartbeat import Heartbeat, beating
from app.runtime.worker_status import WorkerStatus
from app.stores.admin.instances import Instances
from app.stream.role import Process

if TYPE_CHECKING:
    from app.postgres import Pool

CLOSE_SECONDS: Final = 1.0
CONNECTIONS: Final = 2


class StatusServer(Service):
    """Serves /metrics, /healthz and /readyz, and keeps the worker's row among the instances.

    Starts before the roles, so /readyz answers 503 while they join or recover.
    """

    def __init__(self, process: Process, **kwargs: Any) -> None:  # noqa: ANN401  mode's own arguments
        super().__init__(**kwargs)
        self._process = process
        self._runner: web.AppRunner | None = None

    async def on_start(self) -> None:
        """Start the heartbeat, and listen where a port is set. Raises OSError for a port in use."""
        settings = self._process.settings
        await self.add_async_context(allocator.bounded())
        pool = await self.add_async_context(_pool(settings.database_url))
        self._status = WorkerStatus(self._process, pool)
        await self.add_async_context(beating(Heartbeat(Instances(pool), "worker", self._status.figures)))
        if settings.worker_port:
            self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=CLOSE_SECONDS)
            await self._runner.setup()
            await web.TCPSite(self._runner, settings.host, settings.worker_port).start()

    async def on_stop(self) -> None:
        """Close the port. The row is deleted when the heartbeat's context ends, right after."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/healthz", _healthz)
        application.router.add_get("/readyz", self._readyz)
        application.router.add_get("/metrics", _metrics)
        return application

    async def _readyz(self, _: web.Request) -> web.Response:
        """Answer the readiness probe: 503 with the reasons where this process cannot do its work."""
        reasons = [{"code": code, "message": text} for code, text in await self._status.unready()]
        return _json({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)


async def _healthz(_: web.Request) -> web.Response:
    """Answer the liveness probe: the process runs and its event loop turns."""
    return _json({"alive": True}, 200)


async def _metrics(_: web.Request) -> web.Response:
    """Answer in Prometheus' text format."""
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _json(content: object, status: int) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), status=status, content_type="application/json")


@asynccontextmanager
async def _pool(url: str) -> AsyncIterator["Pool"]:
    """Yield a pool that opens connections at first use: a database that is away does not hold up the start."""
    pool = await make_pool(url, max_size=CONNECTIONS, **OPTIONS)
    try:
        yield pool
    finally:
        pool.terminate()
