"""The API's numbers: projects, groups of a project, rates, releases, timings, the ledger."""

from aiohttp import web
from msgspec import UNSET

from app.stores.admin.projects import MAX_NAME
from app.stores.aggregates import types
from app.web import params, queries
from app.web.api import present, replies, requests
from app.web.call import Call
from app.web.errors import ApiError, bad_request
from app.web.formatting import iso
from app.web.params import WINDOWS, GroupsQuery, LedgerQuery, RangeQuery, RatesQuery, ReleasesQuery, TimingsQuery
from app.web.respond import reply


async def projects(call: Call) -> web.Response:
    """Answer ``GET /api/v1/projects``."""
    visible = [project for project in await call.services.projects.list() if call.access.may_see(project.id)]
    return reply(replies.ProjectsReply(projects=[present.project(project, call.base) for project in visible]))


async def create_project(call: Call) -> web.Response:
    """Answer ``POST /api/v1/projects``."""
    name = " ".join((await call.body(requests.ProjectBody)).name.replace("\0", "").split())
    if call.access.projects is not None:
        raise ApiError(403, "forbidden", "This token is limited to some projects. It may not create one.")
    if not 1 <= len(name) <= MAX_NAME:
        raise bad_request("bad_name", f"name has 1 to {MAX_NAME} characters.")
    return reply(present.project(await call.services.projects.create(name), call.base), status=201)


async def groups(call: Call) -> web.Response:
    """Answer ``GET /api/v1/projects/{project}/groups``."""
    project, complete = await call.project(), await call.services.complete_until()
    query = call.parameters(GroupsQuery)
    span = queries.rounded(call.services, query.range(call.services.now()), before=True)
    words = queries.in_environment(query.q, query.environment)
    matching = await queries.search_groups(call.services, project.id, words, span) if words else None
    unknown = (
        await queries.unknown_fields(call.services, project.id, words, span, len(matching.ids)) if matching else []
    )
    try:
        rows, following, sizes = await call.services.aggregates.groups(
            types.GroupsQuery(
                project=project.id,
                start=span.start // 1000,
                end=span.end // 1000,
                release=query.release,
                status=params.status_of(query),
                level=params.or_empty(query.level),
                handled=params.or_empty(query.handled),
                only=matching.ids if matching else None,
                sort=query.sort,
                limit=query.limit,
                cursor=query.cursor,
            )
        )
    except ValueError as error:
        raise bad_request("bad_cursor", "cursor is the `next` of an earlier reply.") from error
    return reply(
        replies.GroupsReply(
            groups=[present.group(row, matching) for row in rows],
            next=following,
            start=iso(span.start),
            to=iso(span.end),
            sizes=sizes,
            complete_until=iso(complete),
            cut=matching.cut if matching else False,
            unknown=present.unknown_fields(unknown),
        )
    )


async def rates(call: Call) -> web.Response:
    """Answer ``GET /api/v1/projects/{project}/rates``."""
    project, complete = await call.project(), await call.services.complete_until()
    query = call.parameters(RatesQuery)
    span = query.range(call.services.now())
    wanted = params.window_for(span) if query.window is UNSET else query.window
    params.check_points(wanted, span)
    window = queries.kept_window(call.services, wanted, span)
    span = span.outward(WINDOWS[window])
    if query.group and (await call.group(query.group)).project != project.id:
        raise ApiError(404, "not_found", "This project has no such group.")
    if query.group and query.environment:
        raise bad_request(
            "bad_environment",
            "No windows are kept of a group in one environment: search its events for environment:… instead.",
        )
    points = await call.services.aggregates.points(
        types.PointsQuery(
            project=project.id,
            size=WINDOWS[window],
            start=span.start // 1000,
            end=span.end // 1000,
            group=query.group,
            release=query.release,
            environment=query.environment,
        )
    )
    return reply(
        replies.RatesReply(
            window=window,
            start=iso(span.start),
            to=iso(span.end),
            points=[present.point(point, sessions=not query.group) for point in points],
            complete_until=iso(complete),
        )
    )


async def releases(call: Call) -> web.Response:
    """Answer ``GET /api/v1/projects/{project}/releases``."""
    project, complete = await call.project(), await call.services.complete_until()
    query = call.parameters(ReleasesQuery)
    span = queries.rounded(call.services, query.range(call.services.now()))
    rows = await call.services.aggregates.releases(
        types.ReleasesQuery(
            project=project.id, start=span.start // 1000, end=span.end // 1000, environment=query.environment
        )
    )
    return reply(
        replies.ReleasesReply(
            releases=[present.release(row) for row in rows],
            start=iso(span.start),
            to=iso(span.end),
            complete_until=iso(complete),
        )
    )


async def environments(call: Call) -> web.Response:
    """Answer ``GET /api/v1/projects/{project}/environments``."""
    project, complete = await call.project(), await call.services.complete_until()
    span = queries.rounded(call.services, call.parameters(RangeQuery).range(call.services.now()))
    rows = await call.services.aggregates.environments(
        types.RangeQuery(project=project.id, start=span.start // 1000, end=span.end // 1000)
    )
    return reply(
        replies.EnvironmentsReply(
            environments=[replies.EnvironmentReply(**row._asdict()) for row in rows],
            start=iso(span.start),
            to=iso(span.end),
            complete_until=iso(complete),
        )
    )


async def timings(call: Call) -> web.Response:
    """Answer ``GET /api/v1/projects/{project}/timings``."""
    project, complete = await call.project(), await call.services.complete_until()
    query = call.parameters(TimingsQuery)
    span = queries.rounded(call.services, query.range(call.services.now()))
    rows = await call.services.aggregates.timings(
        types.TimingsQuery(
            project=project.id,
            start=span.start // 1000,
            end=span.end // 1000,
            release=query.release,
            kind=params.or_empty(query.kind),
            limit=query.limit,
        )
    )
    return reply(
        replies.TimingsReply(
            timings=[present.timing(row) for row in rows.names],
            total=rows.total,
            start=iso(span.start),
            to=iso(span.end),
            sizes=rows.sizes,
            complete_until=iso(complete),
        )
    )


async def received(call: Call) -> web.Response:
    """Answer ``GET /api/v1/projects/{project}/received``."""
    project, complete = await call.project(), await call.services.complete_until()
    span = call.parameters(RangeQuery).range(call.services.now()).outward(WINDOWS["1m"])
    params.check_points("1m", span)
    not_kept = await call.services.aggregates.not_kept(project.id, span.start // 1000, span.end // 1000)
    return reply(
        replies.ReceivedReply(not_kept=not_kept, start=iso(span.start), to=iso(span.end), complete_until=iso(complete))
    )


async def ledger(call: Call) -> web.Response:
    """Answer ``GET /api/v1/ledger``."""
    complete = await call.services.complete_until()
    query = call.parameters(LedgerQuery)
    span = query.range(call.services.now()).outward(WINDOWS["1m"])
    params.check_points("1m", span)
    project = None if query.project is UNSET else query.project
    if call.access.projects is not None and (project is None or not call.access.may_see(project)):
        raise ApiError(403, "forbidden", "This token is limited to some projects. Name one of them with project=.")
    minutes = await call.services.aggregates.ledger(
        types.LedgerQuery(start_ms=span.start, end_ms=span.end, projects=None if project is None else [project]),
        log=call.services.log, generation=call.services.generation,
    )  # fmt: skip
    return reply(
        replies.LedgerReply(minutes=minutes, start=iso(span.start), to=iso(span.end), complete_until=iso(complete))
    )
