"""Puts the API, the health checks and the pages on an application; every handler is guarded here, once."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

from app.tasks import beside
from app.web import health, metrics, pages
from app.web.api import openapi
from app.web.api.routes import ROUTES, Route
from app.web.call import check_change, identify
from app.web.errors import ApiError, body, place, understood
from app.web.live.hub import Hub
from app.web.live.stream import HUB
from app.web.respond import error_reply, reply
from app.web.services import Services

PlainHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]
UNEXPECTED: Final = ApiError(500, "internal", "Something went wrong here; the log of the server says what.")

log = structlog.get_logger()


def add_routes(application: web.Application, services: Services) -> None:
    """Serve API, pages and health checks, and follow the log for live views while the application runs."""
    for route in ROUTES:
        application.router.add_route(route.method, route.path, _guarded(route, services))
    document = openapi.document(ROUTES)

    async def described(request: web.Request) -> web.StreamResponse:  # noqa: ARG001  aiohttp's shape of a handler
        return reply(document)

    application.router.add_get("/api/v1/openapi.json", described)
    add_health(application, services)
    pages.add_routes(application, services)
    application.middlewares.append(unknown_path)
    application[HUB] = Hub(services)
    application.cleanup_ctx.append(_follow)
    application.on_shutdown.append(_close)


def add_health(application: web.Application, services: Services) -> None:
    """Serve what a supervisor and Prometheus look at; every process has these."""
    for name, handler in (("healthz", health.healthz), ("readyz", health.readyz), ("metrics", health.metrics)):
        application.router.add_get(f"/{name}", _open(handler, services))


def authorise(services: Services) -> Callable[[web.Request, int | None], Awaitable[None]]:
    """Give the check that the file server makes: before it reads (project None), and again for the project it found."""

    async def check(request: web.Request, project: int | None) -> None:
        try:
            call = await identify(request, services)
        except Exception as error:
            known = failed(error, request)
            kind = web.HTTPUnauthorized if known.status == 401 else web.HTTPServiceUnavailable  # noqa: PLR2004  by name
            text = body(known.code, known.message).decode()
            raise kind(text=text, content_type="application/json") from error
        if project is not None and not call.access.may_see(project):
            text = body("not_found", "There is no report at this address.").decode()
            raise web.HTTPNotFound(text=text, content_type="application/json")

    return check


@web.middleware
async def unknown_path(request: web.Request, handler: PlainHandler) -> web.StreamResponse:
    """Answer paths and methods that nobody serves; all others know themselves how to fail."""
    refused = request.match_info.http_exception
    if refused is None:
        return await handler(request)
    error = understood(refused) or UNEXPECTED
    if error.status == 404:  # noqa: PLR2004  paths of the API are documented: say where
        error = ApiError(404, "no_such_path", "There is no such path; /api/v1/openapi.json lists them.")
    if request.path.startswith(("/api/", "/files/")) or request.method not in ("GET", "HEAD"):
        answer = error_reply(error)
        if "Allow" in refused.headers:
            answer.headers["Allow"] = refused.headers["Allow"]
        return answer
    return pages.error_page(request, error)


def _guarded(route: Route, services: Services) -> PlainHandler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            call = await identify(request, services)
            if route.method != "GET":
                check_change(call, request.headers.get("X-CSRF-Token", ""))
            answer = await route.handler(call)
        except Exception as error:  # noqa: BLE001  the edge of the API: every failure is answered in its shape
            answer = error_reply(failed(error, request))
        metrics.ANSWERS.labels(route.path, answer.status).inc()
        return answer

    return handle


def failed(error: Exception, request: web.Request) -> ApiError:
    """Give the answer to what a handler raised, and log what nobody foresaw (its type and place, no payload)."""
    known = understood(error)
    if known is None:
        log.error("request_failed", path=request.path, error=type(error).__name__, where=place(error))
        return UNEXPECTED
    if known.status == 503:  # noqa: PLR2004  an operator wants to know
        log.warning("store_away", path=request.path, error=type(error).__name__)
    return known


def _open(
    handler: Callable[[web.Request, Services], Awaitable[web.StreamResponse]], services: Services
) -> PlainHandler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request, services)

    return handle


async def _follow(application: web.Application) -> AsyncIterator[None]:
    async with beside(application[HUB].run()):
        yield


async def _close(application: web.Application) -> None:
    application[HUB].close()
