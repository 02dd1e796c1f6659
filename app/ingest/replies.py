"""Replies in the form that SDKs need: small, never compressed, readable across origins (WIRE.md, "Replies")."""

import re
from typing import Any, Final

import msgspec
from aiohttp import web

from app.ingest.codes import CODES
from app.ingest.limits import MAX_PREFLIGHT_NAMES, PREFLIGHT_SECONDS

JSON: Final = "application/json"

CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "x-sentry-error, x-sentry-rate-limits, retry-after",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
"""On every reply of ingest (Relay's ``middlewares/cors.rs``)."""

_JSON: Final = CORS | {"Content-Type": JSON}

ALLOWED: Final = (
    "x-sentry-auth", "x-requested-with", "x-forwarded-for", "origin", "referer", "accept", "content-type",
    "authentication", "authorization", "content-encoding", "transfer-encoding", "sentry-trace", "baggage",
    "x-csrftoken", "x-apikey", "x-remote-address",
)  # fmt: skip
"""Headers that a preflight reply always allows."""

PREFLIGHT: Final = CORS | {
    "Access-Control-Allow-Methods": "POST, GET, OPTIONS",
    "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
    "Vary": "Access-Control-Request-Headers",
}

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
"""A header's name (RFC 9110, 5.6.2)."""

GIF: Final = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
"""The transparent pixel with which ``GET /store/`` is answered."""

_CLOSING: Final = frozenset({"slow_client", "incomplete_body", "body_too_large", "overloaded"})
"""Refusals before the whole body was read: the connection is closed instead of reading the rest."""

_ANDROID: Final = ("raygun4android", "okhttp/")
"""Parts of raygun4android's User-Agent, which is its HTTP library's. It keeps a report for later only on 429."""


def accepted(body: bytes = b"", *, status: int = 200, content_type: str = JSON) -> web.Response:
    """Return a reply of success; without a body it has no content type."""
    if not body:
        return web.Response(status=status, headers=CORS)
    headers = _JSON if content_type == JSON else CORS | {"Content-Type": content_type}
    return web.Response(status=status, body=body, headers=headers)


def preflight(requested: str) -> web.Response:
    """Return the reply to a preflight request that asks for these headers (``Access-Control-Request-Headers``).

    All are allowed: other tools of a site add theirs to every request, and a browser sends nothing where one is not.
    """
    names = [name.lower() for part in requested.split(",") if _NAME.fullmatch(name := part.strip())]
    allowed = dict.fromkeys((*ALLOWED, *names[:MAX_PREFLIGHT_NAMES]))
    return web.Response(headers=PREFLIGHT | {"Access-Control-Allow-Headers": ", ".join(allowed)})


def sentry_error(code: str, _user_agent: str) -> web.Response:
    """Return a refusal in Sentry's form: ``{"detail", "causes"}``."""
    answer = CODES[code]
    return _error(code, answer.status, {"detail": answer.text, "causes": [code]})


def raygun_error(code: str, user_agent: str) -> web.Response:
    """Return a refusal for a Raygun client: 429 in place of 503 for raygun4android."""
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
