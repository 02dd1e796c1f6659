"""Builds the answers of the API: JSON, raw reports, errors. Their headers keep a browser from guessing the type."""

from typing import Any, Final

import msgspec
from aiohttp import web

from app.web.errors import ApiError, error_body

SAFE: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
INERT: Final = ("application/json", "text/plain", "application/x-sentry-envelope")
"""Content types that a raw report may keep: a browser runs nothing of these."""


def reply(value: Any, status: int = 200) -> web.Response:  # noqa: ANN401  any msgspec type
    """Answer with JSON."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json", headers=SAFE)


def error_reply(error: ApiError) -> web.Response:
    """Answer with an error."""
    headers = dict(SAFE)
    if error.status == 401:  # noqa: PLR2004  RFC 9110 15.5.2 asks for the challenge
        headers["WWW-Authenticate"] = "Bearer"
    if error.status == 503:  # noqa: PLR2004  the same request may succeed soon
        headers["Retry-After"] = "2"
    data = error_body(error.code, error.message)
    return web.Response(body=data, status=error.status, content_type="application/json", headers=headers)


def raw_reply(payload: bytes, content_type: str, name: str) -> web.Response:
    """Answer with a report's own bytes, as its SDK labelled them where that is inert, else as a plain download."""
    kind = content_type.split(";", maxsplit=1)[0].strip().lower()
    headers = {
        **SAFE,
        "Content-Type": kind if kind in INERT else "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{name}.json"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return web.Response(body=payload, headers=headers)
