"""``GET /files/{topic}/{partition}/{offset}``: one stored report, scrubbed, otherwise as the SDK sent it."""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from app.files.reports import Reports
from app.log.contract import LogUnavailable
from app.model import Address
from app.stores.errors import StoreUnavailable

Authorise = Callable[[web.Request, int | None], Awaitable[None]]
"""Raises an aiohttp HTTP error unless the request may read this project; None checks the sign-in alone."""

_TOPIC: Final = re.compile(r"\d{1,9}\.[a-z-]{1,64}", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,18}", re.ASCII)
_PARTITION: Final = re.compile(r"\d{1,6}", re.ASCII)
_CONTENT_TYPE: Final = re.compile(r"[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,64}", re.ASCII | re.IGNORECASE)

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-store",
}
"""The bytes come from an application: no browser may run them or guess their type."""


def add_routes(application: web.Application, *, reports: Reports, authorise: Authorise) -> None:
    """Serve reports by address. ``authorise`` is called before anything is read, and again with the project."""

    async def get(request: web.Request) -> web.Response:
        await authorise(request, None)
        address = _address(request)
        if address is None:
            return error(400, "bad_address", "An address is /files/<generation>.<topic>/<partition>/<offset>.")
        try:
            report = await reports.get(address)
        except (StoreUnavailable, LogUnavailable):
            return error(503, "unavailable", "The report cannot be read now; try again.", {"Retry-After": "2"})
        if report is None:
            return error(404, "not_found", "There is no report at this address.")
        await authorise(request, report.facts.project)
        name = f"{address.topic}-{address.partition}-{address.offset}"
        return raw_response(report.payload, report.facts.content_type, name)

    application.router.add_get("/files/{topic}/{partition}/{offset}", get)


def raw_response(payload: bytes, content_type: str, name: str) -> web.Response:
    """Return an application's bytes as a download of this name, which no browser renders."""
    kind = content_type.partition(";")[0].strip()
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    safe = kind if _CONTENT_TYPE.fullmatch(kind) else "application/octet-stream"
    return web.Response(body=payload, headers={**headers, "Content-Type": safe})


def error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    """Return an error as the API does."""
    return web.json_response({"error": {"code": code, "message": message}}, status=status, headers=headers)


def _address(request: web.Request) -> Address | None:
    topic, partition, offset = (request.match_info[name] for name in ("topic", "partition", "offset"))
    if not (_TOPIC.fullmatch(topic) and _PARTITION.fullmatch(partition) and _NUMBER.fullmatch(offset)):
        return None
    return Address(topic, int(partition), int(offset))
