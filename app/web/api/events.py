"""The API's groups and events: search, one group with its events, decisions about it, one event in full."""

from collections.abc import Sequence

from aiohttp import web
from msgspec import UNSET

from app.stores.search.contract import Hits
from app.web import queries
from app.web.api import present, replies, requests
from app.web.call import Call
from app.web.formatting import iso
from app.web.params import EventQuery, Range, SearchQuery
from app.web.respond import raw_reply, reply


async def search(call: Call) -> web.Response:
    """Answer ``GET /api/v1/projects/{project}/search``."""
    project = await call.project()
    query = call.parameters(SearchQuery)
    span = query.range(call.services.now())
    hits = await queries.search_events(call.services, project.id, query.q, span, limit=query.limit, cursor=query.cursor)
    unknown = await queries.unknown_fields(call.services, project.id, query.q, span, hits.total)
    return _search_reply(hits, span, unknown)


async def group(call: Call) -> web.Response:
    """Answer ``GET /api/v1/groups/{group}``."""
    complete, row = await call.services.complete_until(), await call.group()
    return reply(present.group_detail(row, await queries.explain_group(call.services, row), complete))


async def group_events(call: Call) -> web.Response:
    """Answer ``GET /api/v1/groups/{group}/events``; without a range, all events that search keeps."""
    row, query = await call.group(), call.parameters(SearchQuery)
    unlimited = query.start is UNSET and query.end is UNSET
    span = queries.searchable_range(call.services) if unlimited else query.range(call.services.now())
    hits = await queries.search_events(
        call.services, row.project, query.q, span, groups=row.members, limit=query.limit, cursor=query.cursor
    )
    unknown = await queries.unknown_fields(call.services, row.project, query.q, span, hits.total)
    return _search_reply(hits, span, unknown, row.id)


def _search_reply(
    hits: Hits, span: Range, unknown: Sequence[queries.UnknownField], root: str | None = None
) -> web.Response:
    return reply(
        replies.SearchReply(
            events=[present.hit(document, root) for document in hits.documents],
            total=hits.total,
            next=hits.next,
            start=iso(span.start),
            to=iso(span.end),
            unknown=present.unknown_fields(unknown),
        )
    )


async def set_status(call: Call) -> web.Response:
    """Answer ``POST /api/v1/groups/{group}``."""
    row, body = await call.group(), await call.body(requests.StatusBody)
    await queries.set_status(
        call.services, row.id, body.status, next_release=body.next_release, events=body.events, days=body.days
    )
    return await group(call)


async def merge(call: Call) -> web.Response:
    """Answer ``POST /api/v1/groups/{group}/merge``."""
    row, into = await call.group(), await call.group((await call.body(requests.MergeBody)).into)
    await queries.merge(call.services, row, into)
    return reply(present.group(await call.group(into.id)))


async def unmerge(call: Call) -> web.Response:
    """Answer ``POST /api/v1/groups/{group}/unmerge``."""
    row = await call.group()
    await call.services.aggregates.unmerge(call.request.match_info["group"].lower())
    return reply(present.group(await call.group(row.id)))


async def event(call: Call) -> web.Response:
    """Answer ``GET /api/v1/events/{event}``."""
    document = await queries.find_event(call.services, call.request.match_info["event"], call.access, _project(call))
    return reply(present.event(await queries.full_event(call.services, document)))


async def event_raw(call: Call) -> web.Response:
    """Answer ``GET /api/v1/events/{event}/raw``."""
    document = await queries.find_event(call.services, call.request.match_info["event"], call.access, _project(call))
    report = await queries.read_report(call.services, document)
    return raw_reply(report.payload, report.facts.content_type, document.summary.event_id)


def _project(call: Call) -> int | None:
    project = call.parameters(EventQuery).project
    return None if project is UNSET else project
