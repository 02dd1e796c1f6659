"""Mounts ingest on an aiohttp application, and its busiest paths before it.

Its server must run with ``auto_decompress=False``: ingest unpacks bodies itself, within its limits.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

from app.ingest import handlers, metrics
from app.ingest.codes import Refusal
from app.ingest.direct import View, answer_directly
from app.ingest.edge import Edge
from app.ingest.health import Health
from app.ingest.records import Layout
from app.ingest.replies import Reply, preflight, raygun_error, sentry_error
from app.ingest.request import Request
from app.log.contract import Log
from app.settings import Settings
from app.stores.admin.projects import Projects

Handler = Callable[[Edge, Request], Awaitable[Reply]]
ErrorReply = Callable[[str, str], Reply]

RAYGUN: Final[tuple[tuple[str, Handler], ...]] = (
    ("/entries", handlers.entry),
    ("/entries/bulk", handlers.bulk),
    ("/events", handlers.events),
)
SENTRY: Final[tuple[tuple[str, Handler], ...]] = (
    ("/api/{project}/envelope", handlers.envelope),
    ("/api/{project}/store", handlers.store),
    ("/api/{project}/security", handlers.security),
    ("/api/{project}/csp-report", handlers.security),
    ("/api/{project}/nel", handlers.network_errors),
    ("/api/{project}/cron/{monitor}", handlers.check_in),
    ("/api/{project}/cron/{monitor}/{key}", handlers.check_in),
    ("/api/{project}/minidump", handlers.minidump),
    ("/api/{project}/unreal/{key}", handlers.minidump),
)
GET: Final[dict[Handler, dict[str, Handler]]] = {
    handlers.store: {"GET": handlers.store_pixel},
    handlers.check_in: {"GET": handlers.check_in, "PUT": handlers.check_in},
}
"""Methods beside POST: jobs send check-ins by a plain GET."""

EDGE: Final = web.AppKey("ingest", Edge)

logger = structlog.get_logger()


def add_routes(
    application: web.Application,
    *,
    log: Log,
    projects: Projects,
    settings: Settings,
    generation: int,
    sessions_since: int = 0,
) -> Health:
    """Add all paths of ingest; return its health, for ``/readyz``. Raises SettingsError for unreadable networks."""
    edge = Edge(log, projects, settings, Layout(generation, settings.partitions, sessions_since))
    application[EDGE] = edge
    application.cleanup_ctx.append(edge.stamps.following)
    for path, handler in RAYGUN:
        _add(application, edge, path, {"POST": handler}, raygun_error)
    for path, handler in SENTRY:
        _add(application, edge, path, {"POST": handler} | GET.get(handler, {}), sentry_error)
    return edge.health


def shorten(runner: web.AppRunner) -> None:
    """Answer the busiest paths before the application of a runner that was set up, where ingest is mounted on it."""
    edge = runner.app.get(EDGE)
    if edge is not None and runner.server is not None:
        envelope = _view(edge, handlers.envelope, sentry_error)
        store = _view(edge, handlers.store, sentry_error)
        entry = _view(edge, handlers.entry, raygun_error)
        answer_directly(runner.server, envelope=envelope, store=store, entry=entry)


def _add(application: web.Application, edge: Edge, path: str, methods: dict[str, Handler], error: ErrorReply) -> None:
    """Add a path with and without its trailing slash, since clients send both."""
    for variant in (path + "/", path):
        resource = application.router.add_resource(variant)
        for method, handler in methods.items():
            resource.add_route(method, _responding(_view(edge, handler, error)))
        resource.add_route("OPTIONS", _responding(_preflight))
        resource.add_route("*", _responding(_view(edge, handlers.not_allowed, error)))


def _view(edge: Edge, handler: Handler, error: ErrorReply) -> View:
    async def answer(request: Request) -> Reply:
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


async def _preflight(request: Request) -> Reply:
    return preflight(request.headers.get("Access-Control-Request-Headers", ""))


def _responding(view: View) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def respond(request: web.Request) -> web.StreamResponse:
        reply = await view(request)
        response = web.Response(status=reply.status, headers=reply.headers, body=reply.body or None)
        if reply.closes:
            response.force_close()
        return response

    return respond
