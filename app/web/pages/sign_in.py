"""Signing in by a one-time link and its button, and signing out."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from app import outages
from app.stores.admin import access
from app.tasks import within
from app.web.call import Call, cookie_name, identify
from app.web.errors import AWAY, ApiError
from app.web.pages.error import error_page
from app.web.render import page
from app.web.services import ANSWER_SECONDS, Services


def sign_in(services: Services) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the handler of ``/sign-in?code=…``: GET shows a button, POST redeems the code.

    A chat that shows a preview of the link, or a scanner of mail, opens it by GET: that must not use it up.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await within(ANSWER_SECONDS, _answer(request, services))
        except AWAY:
            sentence = outages.sentence(outages.STORE, services.settings)
            return error_page(request, ApiError(503, "store_unavailable", f"{sentence} Open the same link again then."))

    return handle


async def _answer(request: web.Request, services: Services) -> web.StreamResponse:
    if request.method != "POST":
        code = request.query.get("code", "")
        if await access.is_code(services.pool, code):
            return _page(200, code=code)
        return await _without_code(request, services, code)
    code = str((await request.post()).get("code", ""))
    session = await access.redeem(services.pool, code)
    if session is None:
        return await _without_code(request, services, code)
    answer = _home()
    answer.set_cookie(
        cookie_name(request), session[0], max_age=int(access.SESSION_LIFETIME.total_seconds()), path="/",
        httponly=True, samesite="Lax", secure=services.settings.url.startswith("https:"),
    )  # fmt: skip
    return answer


async def _without_code(request: web.Request, services: Services, code: str) -> web.StreamResponse:
    """Answer a link whose code is not valid. A browser that is signed in passes: links are often opened twice."""
    try:
        await identify(request, services)
    except ApiError:
        return sign_in_page(request, expired=bool(code))
    return _home()


def sign_in_page(request: web.Request, *, expired: bool = False) -> web.Response:  # noqa: ARG001  one shape
    """Answer with the page that explains how to sign in."""
    return _page(401, expired=expired)


def _home() -> web.Response:
    return web.Response(status=303, headers={"Location": "/", "Referrer-Policy": "no-referrer"})


def _page(status: int, *, expired: bool = False, code: str = "") -> web.Response:
    answer = page("sign_in.html", status=status, expired=expired, code=code)
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


async def sign_out(call: Call) -> web.Response:
    """Answer ``POST /sign-out``."""
    cookie = call.request.cookies.get(cookie_name(call.request), "")
    await access.sign_out(call.services.pool, cookie)
    call.services.access.forget_session(cookie)
    answer = web.Response(status=303, headers={"Location": "/"})
    answer.del_cookie(cookie_name(call.request), path="/")
    return answer
