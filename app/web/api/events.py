"""The API's groups and events: what a group is, its events, what people decide about it, one event in full."""

from aiohttp import web

from app.web import params, queries
from app.web.api import present, replies, requests
from app.web.call import Call, whole
from app.web.errors import ApiError, bad, missing
from app.web.respond import raw_reply, reply


async def search(call: Call) -> web.Response:
    """Answer ``GET /api/v1/projects/{project}/search``."""
    project = await call.project()
    asked = params.span(call.query, call.services.now())
    hits = await queries.find(
        call.services, project.id, call.query.get("q", ""), asked,
        limit=params.limit(call.query), cursor=call.query.get("cursor", ""),
    )  # fmt: skip
    shown = [present.hit(document) for document in hits.documents]
    ends = present.at(asked.start), present.at(asked.end)
    return reply(replies.SearchReply(shown, hits.total, hits.next, *ends))


async def group(call: Call) -> web.Response:
    """Answer ``GET /api/v1/groups/{group}``."""
    complete, row = await call.services.complete_until(), await call.group()
    return reply(present.detail(row, await queries.why(call.services, row), complete))


async def group_events(call: Call) -> web.Response:
    """Answer ``GET /api/v1/groups/{group}/events``."""
    row, asked = await call.group(), queries.kept(call.services)
    if call.query.get("from") or call.query.get("to"):
        asked = params.span(call.query, call.services.now())
    hits = await queries.find(
        call.services, row.project, call.query.get("q", ""), asked, groups=row.members,
        limit=params.limit(call.query), cursor=call.query.get("cursor", ""),
    )  # fmt: skip
    shown = [present.hit(document, row.id) for document in hits.documents]
    return reply(replies.SearchReply(shown, hits.total, hits.next, present.at(asked.start), present.at(asked.end)))


async def set_status(call: Call) -> web.Response:
    """Answer ``POST /api/v1/groups/{group}``."""
    row, asked = await call.group(), await call.body(requests.StatusBody)
    await queries.decide(
        call.services, row.id, asked.status, next_release=asked.next_release, events=asked.events, days=asked.days
    )
    return await group(call)


async def merge(call: Call) -> web.Response:
    """Answer ``POST /api/v1/groups/{group}/merge``."""
    row, into = await call.group(), await call.group((await call.body(requests.MergeBody)).into)
    if row.project != into.project:
        raise missing("group")
    if row.id == into.id:
        raise ApiError(409, "same_group", "These are one group already.")
    await call.services.aggregates.merge(row.id, into.id)
    return reply(present.group(await call.group(into.id)))


async def unmerge(call: Call) -> web.Response:
    """Answer ``POST /api/v1/groups/{group}/unmerge``."""
    row = await call.group()
    await call.services.aggregates.unmerge(call.request.match_info["group"].lower())
    return reply(present.group(await call.group(row.id)))


async def event(call: Call) -> web.Response:
    """Answer ``GET /api/v1/events/{event}``."""
    found = await queries.document(call.services, call.request.match_info["event"], call.access, _project(call))
    picture = await queries.picture(call.services, found)
    return reply(present.event(picture.event, picture.document, picture.root))


async def event_raw(call: Call) -> web.Response:
    """Answer ``GET /api/v1/events/{event}/raw``."""
    found = await queries.document(call.services, call.request.match_info["event"], call.access, _project(call))
    report = await queries.stored(call.services, found)
    return raw_reply(report.payload, report.facts.content_type, found.summary.event_id)


def _project(call: Call) -> int | None:
    if "project" not in call.query:
        return None
    number = whole(call.query["project"])
    if number is None:
        raise bad("bad_project", "project is a number.")
    return number
