"""Signing in by a one-time address, and out again."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from app.stores.admin import access
from app.web.call import Call, cookie_name, identify
from app.web.errors import AWAY, ApiError
from app.web.pages.failed import error_page
from app.web.render import page
from app.web.services import Services


def enter(services: Services) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Give the handler of ``GET /sign-in?code=…``."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            made = await access.redeem(services.pool, request.query.get("code", ""))
            if made is None:
                return await _known(request, services)
        except AWAY:
            return error_page(request, ApiError(503, "store_unavailable", "Try the same address again soon."))
        answer = web.Response(status=303, headers={"Location": "/", "Referrer-Policy": "no-referrer"})
        answer.set_cookie(
            cookie_name(request), made[0], max_age=int(access.SESSION_LIFETIME.total_seconds()), path="/",
            httponly=True, samesite="Lax", secure=services.settings.url.startswith("https:"),
        )  # fmt: skip
        return answer

    return handle


async def _known(request: web.Request, services: Services) -> web.StreamResponse:
    """Let a browser that is signed in already pass: a link is often opened twice."""
    try:
        await identify(request, services)
    except ApiError:
        return stranger(request, used="code" in request.query)
    return web.Response(status=303, headers={"Location": "/", "Referrer-Policy": "no-referrer"})


def stranger(request: web.Request, *, used: bool = False) -> web.Response:  # noqa: ARG001  one shape for such pages
    """Answer with the page that says how to sign in."""
    answer = page("sign_in.html", status=401, used=used)
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
