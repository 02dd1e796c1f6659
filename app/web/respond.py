"""Builds the answers of the API: JSON, raw reports, errors, and compresses those of API and pages.

Their headers keep a browser from guessing the type.
"""

import gzip
from typing import Any, Final

import brotli
import msgspec
from aiohttp import web

from app.web.errors import ApiError, error_body

SAFE: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
INERT: Final = ("application/json", "text/plain", "application/x-sentry-envelope")
"""Content types that a raw report may keep: a browser runs nothing of these."""

COMPRESSIBLE: Final = ("text/html", "application/json")
SMALLEST: Final = 1024
"""Bytes: a smaller answer fits one packet as it is."""
BROTLI_QUALITY: Final = 4
"""As quick as gzip's, and a fifth smaller. Pages are made for one reader each: better ones would take longer to make
than to send."""
GZIP_LEVEL: Final = 5


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


def compressed(answer: web.StreamResponse, accepted: str) -> web.StreamResponse:
    """Compress a page or JSON in a coding of the header ``Accept-Encoding``; leave small and other answers as they are.

    A secret of the page (the CSRF token) beside text of the address could be guessed by lengths, were it not that no
    other site's requests carry the cookie (SameSite).
    """
    if not isinstance(answer, web.Response) or answer.content_type not in COMPRESSIBLE:
        return answer
    body = answer.body
    if not isinstance(body, bytes) or len(body) < SMALLEST or "Content-Encoding" in answer.headers:
        return answer
    answer.headers["Vary"] = "Accept-Encoding"
    codings = _codings(accepted)
    if "br" in codings:
        answer.body = brotli.compress(body, quality=BROTLI_QUALITY)
        answer.headers["Content-Encoding"] = "br"
    elif "gzip" in codings:
        answer.body = gzip.compress(body, GZIP_LEVEL, mtime=0)
        answer.headers["Content-Encoding"] = "gzip"
    return answer


def _codings(accepted: str) -> set[str]:
    """Return the codings that a client accepts (RFC 9110, 12.5.3); one of weight 0 is refused."""
    codings = set()
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        if weight.replace(" ", "").rstrip(".0") != "q=":
            codings.add(name.strip())
    return codings
