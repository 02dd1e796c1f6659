"""The pages: HTML rendered on the server from the same queries as the API (PAGES.md)."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from aiohttp import web

from app.log.dead_letters import RecentDeadLetters
from app.stores.admin.projects import Project
from app.tasks import within
from app.web.call import Call, check_write, identify
from app.web.errors import AWAY, ApiError, answer_to
from app.web.pages import (
    chart,
    event,
    group,
    performance,
    pipeline,
    project,
    projects,
    releases,
    rules,
    search,
    settings,
    sign_in,
)
from app.web.pages.error import error_page
from app.web.render import STATIC
from app.web.respond import compressed
from app.web.services import ANSWER_SECONDS, DEAD_LETTERS, Services

__all__ = ["add_routes", "error_page"]

PageHandler = Callable[[Call], Coroutine[Any, Any, web.StreamResponse]]

NAVIGATION_SECONDS: Final = 0.5
"""An error page waits no longer for the project that its navigation names."""

GETS: Final[dict[str, PageHandler]] = {
    "/": projects.show,
    "/projects/{project}": project.show,
    "/projects/{project}/chart.json": chart.show,
    "/projects/{project}/releases": releases.show,
    "/projects/{project}/performance": performance.show,
    "/projects/{project}/search": search.show,
    "/projects/{project}/values.json": search.values,
    "/projects/{project}/start": project.start,
    "/groups/{group}": group.show,
    "/events/{event}": event.show,
    "/settings": settings.show,
    "/settings/projects/{project}/rules": rules.show,
    "/pipeline": pipeline.show,
}
POSTS: Final[dict[str, PageHandler]] = {
    "/projects/{project}/groups": project.set_status,
    "/projects/{project}/test": project.send_test,
    "/groups/{group}/status": group.set_status,
    "/groups/{group}/merge": group.merge,
    "/groups/{group}/unmerge": group.unmerge,
    "/groups/{group}/similar": group.decide,
    "/groups/{group}/take-back": group.take_back,
    "/settings/projects": settings.create,
    "/settings/projects/{project}/rotate": settings.rotate,
    "/settings/projects/{project}/rules": rules.save,
    "/settings/projects/{project}/rules/take-back": rules.take_back,
    "/settings/disable": settings.disable,
    "/sign-out": sign_in.sign_out,
}


def add_routes(application: web.Application, services: Services) -> None:
    """Serve the pages, their static files, and sign-in."""
    application[DEAD_LETTERS] = RecentDeadLetters(services.log, services.generation)
    for path, handler in GETS.items():
        application.router.add_get(path, _guarded(handler, services))
    for path, handler in POSTS.items():
        application.router.add_post(path, _guarded(handler, services))
    for method in ("GET", "POST"):
        application.router.add_route(method, "/sign-in", sign_in.sign_in(services))
    application.router.add_static("/static", STATIC)
    application.on_response_prepare.append(_cache_static)


def _guarded(handler: PageHandler, services: Services) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer_of(request: web.Request) -> web.StreamResponse:
        call: Call | None = None
        try:
            call = await within(ANSWER_SECONDS, identify(request, services))
            if request.method == "POST":
                form = await request.post()
                check_write(call, str(form.get("csrf", "")))
            return await within(ANSWER_SECONDS, handler(call))
        except web.HTTPSeeOther:
            raise
        except Exception as error:  # noqa: BLE001  the edge of the pages: every failure is answered with a page
            answer = answer_to(error, request, services.settings)
            if answer.status == 401:  # noqa: PLR2004  the browser is not signed in
                return sign_in.sign_in_page(request)
            project = await _project(call) if call is not None else None
            return error_page(request, answer, project=project, csrf=call.csrf if call else "")

    async def handle(request: web.Request) -> web.StreamResponse:
        return compressed(await answer_of(request), request.headers.get("Accept-Encoding", ""))

    return handle


async def _project(call: Call) -> Project | None:
    """Return the project of a page that failed, for its navigation; None where it names none, or none can be read."""
    if "project" not in call.request.match_info:
        return None
    try:
        return await within(NAVIGATION_SECONDS, call.project())
    except (ApiError, *AWAY):
        return None


async def _cache_static(request: web.Request, response: web.StreamResponse) -> None:
    """Let browsers keep static files for ever: their addresses change with their content."""
    if request.path.startswith("/static/"):
        response.headers["X-Content-Type-Options"] = "nosniff"
        if "v" in request.query:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
