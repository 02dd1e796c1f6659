"""Mounts ingest on an aiohttp application.

Its server must run with ``auto_decompress=False``: ingest unpacks bodies itself, within its limits.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

from app.ingest import handlers, metrics
from app.ingest.codes import Refusal
from app.ingest.edge import Edge
from app.ingest.health import Health
from app.ingest.replies import preflight, raygun_error, sentry_error
from app.log.contract import Log
from app.settings import Settings
from app.stores.admin.projects import Projects

View = Callable[[web.Request], Awaitable[web.StreamResponse]]
Handler = Callable[[Edge, web.Request], Awaitable[web.Response]]
ErrorReply = Callable[[str, str], web.Response]

RAYGUN: Final[tuple[tuple[str, Handler], ...]] = (
    ("/entries", handlers.entry),
    ("/entries/bulk", handlers.bulk),
    ("/events", handlers.events),
)
SENTRY: Final[tuple[tuple[str, Handler], ...]] = (
    ("/api/{project}/envelope", handlers.envelope),
    ("/api/{project}/store", handlers.store),
    ("/api/{project}/security", handlers.security),
    ("/api/{project}/minidump", handlers.minidump),
    ("/api/{project}/unreal/{key}", handlers.minidump),
)

logger = structlog.get_logger()


def add_routes(
    application: web.Application, *, log: Log, projects: Projects, settings: Settings, generation: int
) -> Health:
    """Add all paths of ingest; return its health, for ``/readyz``. Raises SettingsError for unreadable networks."""
    edge = Edge(log, projects, settings, generation)
    application.cleanup_ctx.append(edge.stamps.following)
    for path, handler in RAYGUN:
        _add(application, edge, path, {"POST": handler}, raygun_error)
    for path, handler in SENTRY:
        methods = {"POST": handler} | ({"GET": handlers.store_pixel} if handler is handlers.store else {})
        _add(application, edge, path, methods, sentry_error)
    return edge.health


def _add(application: web.Application, edge: Edge, path: str, methods: dict[str, Handler], error: ErrorReply) -> None:
    """Add a path with and without its trailing slash, since clients send both."""
    for variant in (path + "/", path):
        resource = application.router.add_resource(variant)
        for method, handler in methods.items():
            resource.add_route(method, _answering(edge, handler, error))
        resource.add_route("OPTIONS", _preflight)
        resource.add_route("*", _answering(edge, handlers.not_allowed, error))


def _answering(edge: Edge, handler: Handler, error: ErrorReply) -> View:
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(edge, request)
        except Refusal as refusal:
            code = refusal.code
        except Exception as fault:  # noqa: BLE001  every reply has a code; the event was not acknowledged
            logger.error("ingest_failed", error=type(fault).__name__)  # noqa: TRY400  a traceback may quote the payload
            code = "internal"
        metrics.REFUSALS.labels(code).inc()
        return error(code, request.headers.get("User-Agent", ""))

    return answer


async def _preflight(_request: web.Request) -> web.StreamResponse:
    return preflight()
