"""Replies in the form that SDKs need: small, never compressed, readable across origins (WIRE.md, "Replies")."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import msgspec

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


class Reply(NamedTuple):
    """A reply: HTTP status, headers, body; ``closes`` where the connection must be closed after it."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    closes: bool = False


def accepted(body: bytes = b"", *, status: int = 200, content_type: str = JSON) -> Reply:
    """Return a reply of success; without a body it has no content type."""
    if not body:
        return Reply(status, CORS)
    return Reply(status, _JSON if content_type == JSON else CORS | {"Content-Type": content_type}, body)


def preflight(requested: str) -> Reply:
    """Return the reply to a preflight request that asks for these headers (``Access-Control-Request-Headers``).

    All are allowed: other tools of a site add theirs to every request, and a browser sends nothing where one is not.
    """
    names = [name.lower() for part in requested.split(",") if _NAME.fullmatch(name := part.strip())]
    allowed = dict.fromkeys((*ALLOWED, *names[:MAX_PREFLIGHT_NAMES]))
    return Reply(200, PREFLIGHT | {"Access-Control-Allow-Headers": ", ".join(allowed)})


def sentry_error(code: str, _user_agent: str) -> Reply:
    """Return a refusal in Sentry's form: ``{"detail", "causes"}``."""
    answer = CODES[code]
    return _error(code, answer.status, {"detail": answer.text, "causes": [code]})


def raygun_error(code: str, user_agent: str) -> Reply:
    """Return a refusal for a Raygun client: 429 in place of 503 for raygun4android."""
    answer = CODES[code]
    status = answer.status
    if status == HTTPStatus.SERVICE_UNAVAILABLE and any(name in user_agent.lower() for name in _ANDROID):
        status = HTTPStatus.TOO_MANY_REQUESTS
    return _error(code, status, {"error": {"code": code, "message": answer.text}})


def _error(code: str, status: int, content: dict[str, Any]) -> Reply:
    headers = _JSON | {"X-Sentry-Error": code}
    if CODES[code].retry_after:
        headers["Retry-After"] = str(CODES[code].retry_after)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = "POST, OPTIONS"
    return Reply(status, headers, msgspec.json.encode(content), code in _CLOSING)
