"""The requests that ingest answers, one function each: admit, read, turn into records, append, reply."""

import uuid
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from app.ingest.auth import dsn_key, raygun_key, sentry_key
from app.ingest.body import MIB, Limits, discard_body, read_body
from app.ingest.codes import Refusal
from app.ingest.edge import Edge
from app.ingest.envelope import parse
from app.ingest.peers import address
from app.ingest.raygun import add_bulk, add_entry, add_events
from app.ingest.read import elements, glance
from app.ingest.replies import GIF, accepted
from app.ingest.sentry import add_envelope, add_event, unpack_store

MANY: Final = Limits(20 * MIB, 100 * MIB)
"""Envelopes and Raygun's bulk (API.md)."""

ONE: Final = Limits(MIB, MIB)
STORE: Final = Limits(2 * MIB, 2 * MIB)
"""An event of 1 MiB in base64 is 1.34 MiB."""

MINIDUMP_BYTES: Final = 100 * MIB
"""Read and not kept, so that the client's upload succeeds."""

SECURITY_TYPES: Final = frozenset(
    {
        "application/json",
        "application/csp-report",
        "application/expect-ct-report",
        "application/expect-ct-report+json",
        "application/expect-staple-report",
        "application/reports+json",
    }
)
MAX_PROJECT_DIGITS: Final = 18


async def envelope(edge: Edge, request: web.Request) -> web.Response:
    """``POST /api/<project>/envelope/``, whatever its content type; the key may be in the envelope's DSN."""
    project, key = _sentry(request)

    async def by_dsn(header: bytes) -> None:
        await edge.admit(dsn_key(parse(header).dsn), "sentry", project)

    if key:
        await edge.admit(key, "sentry", project)
    with edge.budget.lease() as lease:
        body = _some(await read_body(request, MANY, lease, edge.reading, None if key else by_dsn))
        parsed = parse(body)
        batch = edge.batch(request, project, sent=parsed.sent)
        event_id = add_envelope(parsed, body, batch)
        await edge.append(batch)
    return _sentry_reply(request, event_id)


async def store(edge: Edge, request: web.Request) -> web.Response:
    """``POST /api/<project>/store/``: one event, plain or in base64."""
    project = await _admit_sentry(edge, request)
    with edge.budget.lease() as lease:
        body = _some(await read_body(request, STORE, lease, edge.reading))
        event_id = await _keep_event(edge, request, project, body)
    return _sentry_reply(request, event_id)


async def store_pixel(edge: Edge, request: web.Request) -> web.Response:
    """``GET /api/<project>/store/?sentry_data=…``: the event in the address, a pixel in the reply."""
    project = await _admit_sentry(edge, request)
    await _keep_event(edge, request, project, _some(request.query.get("sentry_data", "").encode()))
    return accepted(GIF, content_type="image/gif")


async def security(edge: Edge, request: web.Request) -> web.Response:
    """``POST /api/<project>/security/``: a report of the browser, counted and not kept."""
    project = await _admit_sentry(edge, request)
    if request.content_type not in SECURITY_TYPES:
        raise Refusal("unsupported_type")
    with edge.budget.lease() as lease:
        body = _some(await read_body(request, ONE, lease, edge.reading))
        if not body.lstrip().startswith(b"["):
            glance(body)
        else:
            elements(body)
    batch = edge.batch(request, project)
    batch.refuse("other", "security")
    await edge.append(batch)
    return accepted()


async def minidump(edge: Edge, request: web.Request) -> web.Response:
    """``POST /api/<project>/minidump/``: a native crash, counted and not kept; never 429, clients would try again."""
    project = await _admit_sentry(edge, request)
    if not await discard_body(request, MINIDUMP_BYTES, edge.reading):
        raise Refusal("empty_body")
    batch = edge.batch(request, project)
    batch.refuse("error", "minidump")
    await edge.append(batch)
    return accepted(str(uuid.uuid4()).encode(), content_type="text/plain")


async def entry(edge: Edge, request: web.Request) -> web.Response:
    """``POST /entries``: one Raygun report."""
    project = await _admit_raygun(edge, request)
    with edge.budget.lease() as lease:
        body = _some(await read_body(request, ONE, lease, edge.reading))
        batch = edge.batch(request, project, peer=_raygun_peer(request))
        add_entry(body, batch)
        await edge.append(batch)
    return accepted(status=202)


async def bulk(edge: Edge, request: web.Request) -> web.Response:
    """``POST /entries/bulk``: an array of Raygun reports, one record each."""
    project = await _admit_raygun(edge, request)
    with edge.budget.lease() as lease:
        body = _some(await read_body(request, MANY, lease, edge.reading))
        batch = edge.batch(request, project, peer=_raygun_peer(request))
        add_bulk(body, batch)
        await edge.append(batch)
    return accepted(status=202)


async def events(edge: Edge, request: web.Request) -> web.Response:
    """``POST /events``: Raygun's timings, one record each; its sessions are counted and not kept."""
    project = await _admit_raygun(edge, request)
    with edge.budget.lease() as lease:
        body = _some(await read_body(request, ONE, lease, edge.reading))
        batch = edge.batch(request, project)
        add_events(body, batch)
        await edge.append(batch)
    return accepted(status=202)


async def not_allowed(_edge: Edge, _request: web.Request) -> web.Response:
    """Every other method."""
    raise Refusal("method_not_allowed")


async def _keep_event(edge: Edge, request: web.Request, project: int, body: bytes) -> str:
    payload = unpack_store(body)
    batch = edge.batch(request, project)
    event_id = add_event(payload, batch)
    await edge.append(batch)
    return event_id


async def _admit_sentry(edge: Edge, request: web.Request) -> int:
    project, key = _sentry(request)
    return await edge.admit(key, "sentry", project)


async def _admit_raygun(edge: Edge, request: web.Request) -> int:
    return await edge.admit(raygun_key(request.headers, _query(request)), "raygun")


def _sentry(request: web.Request) -> tuple[int, str]:
    """Give the project of the path and the key, '' where the request has none outside its body."""
    text = request.match_info["project"]
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_PROJECT_DIGITS):
        raise Refusal("invalid_project")
    return int(text), sentry_key(request.headers, _query(request), request.match_info.get("key", ""))


def _sentry_reply(request: web.Request, event_id: str) -> web.Response:
    """Leave the body out for browsers: of a burst of keepalive requests far more arrive when nothing is to be read."""
    if "Origin" in request.headers and "sentry_key" in request.query:
        return accepted()
    return accepted(b'{"id":"%s"}' % event_id.encode() if event_id else b"{}")


def _query(request: web.Request) -> Mapping[str, str]:
    """Give the query; parsing one that is not there would cost as much as the routing."""
    return request.query if request.query_string else {}


def _raygun_peer(request: web.Request) -> str:
    """Give the address that raygun4js was told to be its user's (``clientIp``), '' for none."""
    header = request.headers.get("X-Remote-Address", "")
    return address(header) if header else ""


def _some(body: bytes) -> bytes:
    if not body:
        raise Refusal("empty_body")
    return body
