"""The requests that ingest answers, one function each: admit, read the body, collect records, append, reply."""

import uuid
from typing import Final

from app.ingest.auth import dsn_key, raygun_keys, sentry_keys
from app.ingest.body import discard_body, read_body
from app.ingest.codes import Refusal
from app.ingest.edge import Edge
from app.ingest.envelope import parse, parse_body
from app.ingest.limits import MANY_LIMITS, MAX_MINIDUMP, MAX_PROJECT_DIGITS, ONE_LIMITS, STORE_LIMITS
from app.ingest.peek import elements, peek
from app.ingest.peers import address
from app.ingest.raygun import add_bulk, add_entry, add_events
from app.ingest.replies import GIF, Reply, accepted
from app.ingest.request import Request, query_of
from app.ingest.sentry import add_envelope, add_event, unpack_store

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


async def envelope(edge: Edge, request: Request) -> Reply:
    """Answer ``POST /api/<project>/envelope/``, whatever its content type; the key may be in the envelope's DSN."""
    project, keys = _sentry(request)

    async def by_dsn(header: bytes) -> None:
        await edge.admit([*keys, *_dsn_keys(header)], "sentry", project)

    check = None
    try:
        await edge.admit(keys, "sentry", project)
    except Refusal:
        check = by_dsn  # of keys that are none of ours, as a site's own authentication, none hides the DSN's
    with edge.budget.lease() as lease:
        body = await read_body(request, MANY_LIMITS, lease, edge.reading, check)
        if check and not body:
            await edge.admit(keys, "sentry", project)
        parsed = parse_body(_not_empty(body))
        records = edge.records(request, project, sent=parsed.sent)
        event_id = add_envelope(parsed, body, records)
        await edge.append(records)
    return _sentry_reply(request, event_id)


async def store(edge: Edge, request: Request) -> Reply:
    """Answer ``POST /api/<project>/store/``: one event, plain or in base64."""
    project = await _admit_sentry(edge, request)
    with edge.budget.lease() as lease:
        body = _not_empty(await read_body(request, STORE_LIMITS, lease, edge.reading))
        event_id = await _keep_event(edge, request, project, body)
    return _sentry_reply(request, event_id)


async def store_pixel(edge: Edge, request: Request) -> Reply:
    """Answer ``GET /api/<project>/store/?sentry_data=…``: the event in the query, a pixel in the reply."""
    project = await _admit_sentry(edge, request)
    await _keep_event(edge, request, project, _not_empty(request.query.get("sentry_data", "").encode()))
    return accepted(GIF, content_type="image/gif")


async def security(edge: Edge, request: Request) -> Reply:
    """Answer ``POST /api/<project>/security/`` and ``/csp-report/``: a browser's report, counted and not kept."""
    return await _browser_report(edge, request, "security")


async def network_errors(edge: Edge, request: Request) -> Reply:
    """Answer ``POST /api/<project>/nel/``: a browser's report of network errors, counted and not kept."""
    return await _browser_report(edge, request, "nel")


async def _browser_report(edge: Edge, request: Request, reason: str) -> Reply:
    project = await _admit_sentry(edge, request)
    if request.content_type not in SECURITY_TYPES:
        raise Refusal("unsupported_type")
    with edge.budget.lease() as lease:
        body = _not_empty(await read_body(request, ONE_LIMITS, lease, edge.reading))
        if not body.lstrip().startswith(b"["):
            peek(body)
        else:
            elements(body)
    records = edge.records(request, project)
    records.refuse("other", reason)
    await edge.append(records)
    return accepted()


async def check_in(edge: Edge, request: Request) -> Reply:
    """Answer ``/api/<project>/cron/<monitor>/[<key>/]``: a job's check-in, counted and not kept."""
    project = await _admit_sentry(edge, request)
    await discard_body(request, ONE_LIMITS.packed, edge.reading)
    records = edge.records(request, project)
    records.refuse("other", "check_in")
    await edge.append(records)
    return accepted(status=202)


async def minidump(edge: Edge, request: Request) -> Reply:
    """Answer ``POST /api/<project>/minidump/``: a native crash, counted and not kept.

    It never answers 429, on which these clients upload again.
    """
    project = await _admit_sentry(edge, request)
    if not await discard_body(request, MAX_MINIDUMP, edge.reading):
        raise Refusal("empty_body")
    records = edge.records(request, project)
    records.refuse("error", "minidump")
    await edge.append(records)
    return accepted(str(uuid.uuid4()).encode(), content_type="text/plain")


async def entry(edge: Edge, request: Request) -> Reply:
    """Answer ``POST /entries``: one Raygun report."""
    project = await _admit_raygun(edge, request)
    with edge.budget.lease() as lease:
        body = _not_empty(await read_body(request, ONE_LIMITS, lease, edge.reading))
        records = edge.records(request, project, peer=_raygun_peer(request))
        add_entry(body, records)
        await edge.append(records)
    return accepted(status=202)


async def bulk(edge: Edge, request: Request) -> Reply:
    """Answer ``POST /entries/bulk``: an array of Raygun reports, one record each."""
    project = await _admit_raygun(edge, request)
    with edge.budget.lease() as lease:
        body = _not_empty(await read_body(request, MANY_LIMITS, lease, edge.reading))
        records = edge.records(request, project, peer=_raygun_peer(request))
        add_bulk(body, records)
        await edge.append(records)
    return accepted(status=202)


async def events(edge: Edge, request: Request) -> Reply:
    """Answer ``POST /events``: Raygun's timings, one record each; its sessions are counted and not kept."""
    project = await _admit_raygun(edge, request)
    with edge.budget.lease() as lease:
        body = _not_empty(await read_body(request, ONE_LIMITS, lease, edge.reading))
        records = edge.records(request, project)
        add_events(body, records)
        await edge.append(records)
    return accepted(status=202)


async def not_allowed(_edge: Edge, _request: Request) -> Reply:
    """Refuse every other method."""
    raise Refusal("method_not_allowed")


async def _keep_event(edge: Edge, request: Request, project: int, body: bytes) -> str:
    payload = unpack_store(body)
    records = edge.records(request, project)
    event_id = add_event(payload, records)
    await edge.append(records)
    return event_id


async def _admit_sentry(edge: Edge, request: Request) -> int:
    project, keys = _sentry(request)
    return await edge.admit(keys, "sentry", project)


async def _admit_raygun(edge: Edge, request: Request) -> int:
    return await edge.admit(raygun_keys(request.headers, query_of(request)), "raygun")


def _dsn_keys(header: bytes) -> list[str]:
    try:
        key = dsn_key(parse(header).dsn)
    except Refusal:  # whoever has no key is told so before what else is wrong
        return []
    return [key] if key else []


def _sentry(request: Request) -> tuple[int, list[str]]:
    """Return the project of the path and the keys that the request has outside its body."""
    text = request.match_info["project"]
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_PROJECT_DIGITS):
        raise Refusal("invalid_project")
    return int(text), sentry_keys(request.headers, query_of(request), request.match_info.get("key", ""))


def _sentry_reply(request: Request, event_id: str) -> Reply:
    """Return the reply of success, without a body for browsers.

    Of a burst of keepalive requests twice as many arrive where the reply has no body (WIRE.md, "Replies").
    """
    if "Origin" in request.headers and "sentry_key" in query_of(request):
        return accepted()
    return accepted(b'{"id":"%s"}' % event_id.encode() if event_id else b"{}")


def _raygun_peer(request: Request) -> str:
    """Return the user's address as raygun4js was configured to send it (``clientIp``), '' for none."""
    header = request.headers.get("X-Remote-Address", "")
    return address(header) if header else ""


def _not_empty(body: bytes) -> bytes:
    if not body:
        raise Refusal("empty_body")
    return body
