"""Adds the API, the health checks and the pages to an application; every handler of the API is guarded here."""

from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from app.tasks import beside, within
from app.web import health, metrics, pages
from app.web.api import openapi
from app.web.api.routes import ROUTES, Route
from app.web.call import base_url, check_write, identify
from app.web.errors import UNEXPECTED, ApiError, answer_to, as_api_error, error_body
from app.web.live.hub import Hub
from app.web.live.stream import HUB
from app.web.pages import api_docs
from app.web.respond import compressed, error_reply, reply
from app.web.services import ANSWER_SECONDS, Services

PlainHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_routes(application: web.Application, services: Services) -> None:
    """Serve API, pages and health checks, and follow the log for live views while the application runs."""
    for route in ROUTES:
        application.router.add_route(route.method, route.path, _guarded(route, services))
    document = openapi.document(ROUTES)

    async def describe(request: web.Request) -> web.StreamResponse:
        return compressed(reply(document), request.headers.get("Accept-Encoding", ""))

    async def explain(request: web.Request) -> web.StreamResponse:
        answer = api_docs.api_page(document, base_url(request, services))
        return compressed(answer, request.headers.get("Accept-Encoding", ""))

    application.router.add_get("/api/v1/openapi.json", describe)
    application.router.add_get("/api", explain)
    add_health(application, services)
    pages.add_routes(application, services)
    application.middlewares.append(unknown_path)
    application[HUB] = Hub(services)
    application.cleanup_ctx.append(_run_hub)
    application.on_shutdown.append(_close_hub)


def add_health(application: web.Application, services: Services) -> None:
    """Serve /healthz, /readyz and /metrics; every server process has these, and they need no token."""
    for name, handler in (("healthz", health.healthz), ("readyz", health.readyz), ("metrics", health.metrics)):
        application.router.add_get(f"/{name}", _unguarded(handler, services))


def authorise(services: Services) -> Callable[[web.Request, int | None], Awaitable[None]]:
    """Return the file server's check: called with project None before it reads, then with the report's project."""

    async def check(request: web.Request, project: int | None) -> None:
        try:
            call = await within(ANSWER_SECONDS, identify(request, services))
        except Exception as error:
            known = answer_to(error, request, services.settings)
            kind = web.HTTPUnauthorized if known.status == 401 else web.HTTPServiceUnavailable  # noqa: PLR2004  by name
            text = error_body(known.code, known.message).decode()
            raise kind(text=text, content_type="application/json") from error
        if project is not None and not call.access.may_see(project):
            text = error_body("not_found", "There is no report at this address.").decode()
            raise web.HTTPNotFound(text=text, content_type="application/json")

    return check


@web.middleware
async def unknown_path(request: web.Request, handler: PlainHandler) -> web.StreamResponse:
    """Answer unknown paths and methods: as JSON under the API's paths, as a page elsewhere."""
    refused = request.match_info.http_exception
    if refused is None:
        return await handler(request)
    error = as_api_error(refused) or UNEXPECTED
    is_unknown = error.status == 404  # noqa: PLR2004  as HTTP says it
    if request.path.startswith(("/api/", "/files/")) or request.method not in ("GET", "HEAD"):
        if is_unknown:  # the API's paths are documented: the answer names the document
            error = ApiError(404, "no_such_path", "There is no such path; /api/v1/openapi.json lists them.")
        answer = error_reply(error)
        if "Allow" in refused.headers:
            answer.headers["Allow"] = refused.headers["Allow"]
        return answer
    if is_unknown:
        error = ApiError(404, "no_such_path", "There is no page at this address.")
    return pages.error_page(request, error)


def _guarded(route: Route, services: Services) -> PlainHandler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            call = await within(ANSWER_SECONDS, identify(request, services))
            if route.method != "GET":
                check_write(call, request.headers.get("X-CSRF-Token", ""))
            answer = await (route.handler(call) if route.streams else within(ANSWER_SECONDS, route.handler(call)))
        except Exception as error:  # noqa: BLE001  the edge of the API: every failure is answered in its shape
            answer = error_reply(answer_to(error, request, services.settings))
        metrics.ANSWERS.labels(route.path, answer.status).inc()
        return compressed(answer, request.headers.get("Accept-Encoding", ""))

    return handle


def _unguarded(
    handler: Callable[[web.Request, Services], Awaitable[web.StreamResponse]], services: Services
) -> PlainHandler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request, services)

    return handle


async def _run_hub(application: web.Application) -> AsyncIterator[None]:
    async with beside(application[HUB].run()):
        yield


async def _close_hub(application: web.Application) -> None:
    application[HUB].close()
