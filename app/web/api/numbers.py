"""The API's numbers: projects, groups of a project, rates, releases, timings, the ledger."""

from typing import get_args

from aiohttp import web

from app.model import TimingKind
from app.stores.admin.projects import MAX_NAME
from app.stores.aggregates import standing
from app.stores.aggregates.types import GroupsQuery, LedgerQuery, PointsQuery, ReleasesQuery, TimingsQuery
from app.web import params, queries
from app.web.api import present, replies, requests
from app.web.api.timing_replies import TimingsReply
from app.web.call import Call, whole
from app.web.errors import ApiError, bad
from app.web.params import WINDOWS, Range, iso
from app.web.respond import reply

KINDS = get_args(TimingKind)


async def projects(call: Call) -> web.Response:
    """Answer ``GET /api/v1/projects``."""
    found = [project for project in await call.services.projects.list() if call.access.may_see(project.id)]
    return reply(replies.ProjectsReply([present.project(project, call.base) for project in found]))


async def create_project(call: Call) -> web.Response:
    """Answer ``POST /api/v1/projects``."""
    name = " ".join((await call.body(requests.ProjectBody)).name.replace("\0", "").split())
    if call.access.projects is not None:
        raise ApiError(403, "forbidden", "This token may use some projects only, and make none.")
    if not 1 <= len(name) <= MAX_NAME:
        raise bad("bad_name", f"name has 1 to {MAX_NAME} characters.")
    return reply(present.project(await call.services.projects.create(name), call.base), status=201)


async def groups(call: Call) -> web.Response:
    """Answer ``GET /api/v1/projects/{project}/groups``."""
    project, complete = await call.project(), await call.services.complete_until()
    asked = queries.rounded(call.services, params.span(call.query, call.services.now()), before=True)
    try:
        rows, following, sizes = await call.services.aggregates.groups(GroupsQuery(
            project=project.id, start=asked.start // 1000, end=asked.end // 1000,
            release=call.query.get("release", ""),
            status=params.choice(call.query, "status", standing.STATUSES, ""),
            sort=params.sort(call.query),
            limit=params.limit(call.query), cursor=call.query.get("cursor", ""),
        ))  # fmt: skip
    except ValueError as error:
        raise bad("bad_cursor", "cursor is what an earlier reply gave as next.") from error
    listed = [present.group(row) for row in rows]
    return reply(replies.GroupsReply(listed, following, *_ends(asked), sizes=sizes, complete_until=iso(complete)))


async def rates(call: Call) -> web.Response:
    """Answer ``GET /api/v1/projects/{project}/rates``."""
    project, complete = await call.project(), await call.services.complete_until()
    asked = params.span(call.query, call.services.now())
    window = queries.window_kept(call.services, params.window(call.query, asked), asked)
    asked, group = asked.outward(WINDOWS[window]), call.query.get("group", "")
    if group and (await call.group(group)).project != project.id:
        raise ApiError(404, "not_found", "This project has no such group.")
    points = await call.services.aggregates.points(PointsQuery(
        project=project.id, size=WINDOWS[window], start=asked.start // 1000, end=asked.end // 1000,
        group=group, release=call.query.get("release", ""),
    ))  # fmt: skip
    shown = [present.point(point, sessions=not group) for point in points]
    return reply(replies.RatesReply(window, *_ends(asked), points=shown, complete_until=iso(complete)))


async def releases(call: Call) -> web.Response:
    """Answer ``GET /api/v1/projects/{project}/releases``."""
    project, complete = await call.project(), await call.services.complete_until()
    asked = queries.rounded(call.services, params.span(call.query, call.services.now()))
    query = ReleasesQuery(project=project.id, start=asked.start // 1000, end=asked.end // 1000)
    rows = await call.services.aggregates.releases(query)
    listed = [present.release(row) for row in rows]
    return reply(replies.ReleasesReply(listed, *_ends(asked), complete_until=iso(complete)))


async def timings(call: Call) -> web.Response:
    """Answer ``GET /api/v1/projects/{project}/timings``."""
    project, complete = await call.project(), await call.services.complete_until()
    asked = queries.rounded(call.services, params.span(call.query, call.services.now()))
    found = await call.services.aggregates.timings(TimingsQuery(
        project=project.id, start=asked.start // 1000, end=asked.end // 1000,
        release=call.query.get("release", ""),
        kind=params.choice(call.query, "kind", KINDS, ""),
        limit=params.limit(call.query, default=params.MAX_LIMIT),
    ))  # fmt: skip
    listed = [present.timing(row) for row in found.names]
    ends, until = _ends(asked), iso(complete)
    return reply(TimingsReply(listed, found.total, *ends, sizes=found.sizes, complete_until=until))


async def ledger(call: Call) -> web.Response:
    """Answer ``GET /api/v1/ledger``."""
    complete = await call.services.complete_until()
    asked = params.span(call.query, call.services.now()).outward(WINDOWS["1m"])
    params.window({"window": "1m"}, asked)
    project = whole(call.query.get("project", "")) if "project" in call.query else None
    if "project" in call.query and project is None:
        raise bad("bad_project", "project is a number.")
    if call.access.projects is not None and (project is None or not call.access.may_see(project)):
        raise ApiError(403, "forbidden", "This token may use some projects only: name one with project=.")
    minutes = await call.services.aggregates.ledger(
        LedgerQuery(start_ms=asked.start, end_ms=asked.end, projects=None if project is None else [project]),
        log=call.services.log, generation=call.services.generation,
    )  # fmt: skip
    return reply(replies.LedgerReply(minutes, *_ends(asked), complete_until=iso(complete)))


def _ends(asked: Range) -> tuple[str, str]:
    return present.at(asked.start), present.at(asked.end)
