"""Replies as the SDKs need them: small, never compressed (an SDK for Unity cannot read it), readable across origins."""

from typing import Any, Final

import msgspec
from aiohttp import web

from app.ingest.codes import CODES

JSON: Final = "application/json"
PREFLIGHT_SECONDS: Final = "3600"

CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "x-sentry-error, x-sentry-rate-limits, retry-after",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
"""On every reply of ingest (Relay's ``middlewares/cors.rs``)."""

_JSON: Final = CORS | {"Content-Type": JSON}

PREFLIGHT: Final = CORS | {
    "Access-Control-Allow-Methods": "POST, GET, OPTIONS",
    "Access-Control-Allow-Headers": (
        "x-sentry-auth, x-requested-with, x-forwarded-for, origin, referer, accept, content-type, authentication, "
        "authorization, content-encoding, transfer-encoding, sentry-trace, baggage, x-csrftoken, x-apikey, "
        "x-remote-address"
    ),
    "Access-Control-Max-Age": PREFLIGHT_SECONDS,
}

GIF: Final = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
"""The transparent pixel that ``GET /store/`` answers with."""

_CLOSING: Final = frozenset({"slow_client", "incomplete_body", "body_too_large", "overloaded"})
"""Refused before the body was read: the rest of it is not waited for."""

_ANDROID: Final = ("raygun4android", "okhttp/")
"""raygun4android keeps a report only on 429; its requests carry the name of its HTTP library, OkHttp."""


def accepted(body: bytes = b"", *, status: int = 200, content_type: str = JSON) -> web.Response:
    """Answer success; without a body no content type is given."""
    if not body:
        return web.Response(status=status, headers=CORS)
    headers = _JSON if content_type == JSON else CORS | {"Content-Type": content_type}
    return web.Response(status=status, body=body, headers=headers)


def preflight() -> web.Response:
    """Answer a browser that asks first."""
    return web.Response(headers=PREFLIGHT)


def sentry_error(code: str, _user_agent: str) -> web.Response:
    """Answer a refusal in Sentry's form: ``{"detail", "causes"}``."""
    answer = CODES[code]
    return _error(code, answer.status, {"detail": answer.text, "causes": [code]})


def raygun_error(code: str, user_agent: str) -> web.Response:
    """Answer a refusal to a Raygun client."""
    answer = CODES[code]
    status = answer.status
    if status == web.HTTPServiceUnavailable.status_code and any(name in user_agent.lower() for name in _ANDROID):
        status = web.HTTPTooManyRequests.status_code
    return _error(code, status, {"error": {"code": code, "message": answer.text}})


def _error(code: str, status: int, content: dict[str, Any]) -> web.Response:
    headers = _JSON | {"X-Sentry-Error": code}
    if CODES[code].retry_after:
        headers["Retry-After"] = str(CODES[code].retry_after)
    if status == web.HTTPMethodNotAllowed.status_code:
        headers["Allow"] = "POST, OPTIONS"
    response = web.Response(status=status, body=msgspec.json.encode(content), headers=headers)
    if code in _CLOSING:
        response.force_close()
    return response
