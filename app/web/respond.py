"""Builds the answers of the API: JSON, raw reports, errors; each with the headers that keep a browser from guessing."""

from typing import Any, Final

import msgspec
from aiohttp import web

from app.web import errors
from app.web.errors import ApiError

SAFE: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
SHOWN: Final = ("application/json", "text/plain", "application/x-sentry-envelope")
"""Content types that a raw report may keep: no browser runs anything of these."""


def reply(value: Any, status: int = 200) -> web.Response:  # noqa: ANN401  any msgspec type
    """Answer with JSON."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json", headers=SAFE)


def error_reply(error: ApiError) -> web.Response:
    """Answer with an error."""
    headers = dict(SAFE)
    if error.status == 401:  # noqa: PLR2004  RFC 9110 15.5.2 asks for the challenge
        headers["WWW-Authenticate"] = "Bearer"
    if error.status == 503:  # noqa: PLR2004  worth trying again
        headers["Retry-After"] = "2"
    data = errors.body(error.code, error.message)
    return web.Response(body=data, status=error.status, content_type="application/json", headers=headers)


def raw_reply(payload: bytes, content_type: str, name: str) -> web.Response:
    """Answer with a report's own bytes, as its SDK labelled them, but never as something that a browser would run."""
    kind = content_type.split(";", maxsplit=1)[0].strip().lower()
    shown = kind if kind in SHOWN else "application/octet-stream"
    headers = {
        **SAFE,
        "Content-Type": shown,
        "Content-Disposition": f'attachment; filename="{name}.json"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return web.Response(body=payload, headers=headers)
