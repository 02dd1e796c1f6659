"""Signing in by a one-time link, and signing out."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from app.stores.admin import access
from app.web.call import Call, cookie_name, identify
from app.web.errors import AWAY, ApiError
from app.web.pages.error import error_page
from app.web.render import page
from app.web.services import Services


def sign_in(services: Services) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the handler of ``GET /sign-in?code=…``."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            session = await access.redeem(services.pool, request.query.get("code", ""))
            if session is None:
                return await _without_code(request, services)
        except AWAY:
            return error_page(request, ApiError(503, "store_unavailable", "Open the same link again soon."))
        answer = web.Response(status=303, headers={"Location": "/", "Referrer-Policy": "no-referrer"})
        answer.set_cookie(
            cookie_name(request), session[0], max_age=int(access.SESSION_LIFETIME.total_seconds()), path="/",
            httponly=True, samesite="Lax", secure=services.settings.url.startswith("https:"),
        )  # fmt: skip
        return answer

    return handle


async def _without_code(request: web.Request, services: Services) -> web.StreamResponse:
    """Answer a link whose code is not valid. A browser that is signed in passes: links are often opened twice."""
    try:
        await identify(request, services)
    except ApiError:
        return sign_in_page(request, expired="code" in request.query)
    return web.Response(status=303, headers={"Location": "/", "Referrer-Policy": "no-referrer"})


def sign_in_page(request: web.Request, *, expired: bool = False) -> web.Response:  # noqa: ARG001  one shape
    """Answer with the page that explains how to sign in."""
    answer = page("sign_in.html", status=401, expired=expired)
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
