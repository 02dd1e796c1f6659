"""One project, live: its numbers with their change, the chart, its groups; before the first event, how to begin."""

import asyncio
from typing import Any, NamedTuple
from urllib.parse import urlencode

from aiohttp import web
from msgspec.structs import replace

from app.cells import HOUR, MINUTE
from app.stores.admin.projects import Project
from app.stores.aggregates import overview, standing
from app.stores.aggregates.types import EventCountsQuery, GroupsQuery, PointsQuery, ReleasesQuery, TotalsQuery
from app.web import formatting, params, queries
from app.web.api import present
from app.web.call import Call
from app.web.errors import bad
from app.web.formatting import Change
from app.web.pages import decisions
from app.web.pages.shell import Looked, around, looked
from app.web.render import page
from app.web.snippets import snippets

SORTS = {
    "last_seen": "Last seen", "rate": "Rate now", "growth": "Growth", "count": "Events", "users": "Users",
    "first_seen": "Newest",
}  # fmt: skip
STATUSES = {"": "All", "open": "Open", "regressed": "Regressed", "resolved": "Resolved", "ignored": "Ignored"}
NOW_MINUTES = 5
SPARK_BARS = 61


class Kpi(NamedTuple):
    """One number at the top: its name, what it means, its value, how it changed."""

    key: str
    name: str
    meaning: str
    value: Any
    kind: str
    change: Change


async def show(call: Call) -> web.Response:
    """Answer ``GET /projects/{project}``."""
    project = await call.project()
    if not await overview.has_data(call.services.pool, project.id):
        return await start(call)
    complete, shown = await call.services.complete_until(), await looked(call, project.id)
    shell = await around(call, project, "project")
    kpis, groups = await asyncio.gather(_kpis(call, project, shown), _groups(call, project, shown))
    begin, end = shown.span.start // 1000, shown.span.end // 1000
    releases = await call.services.aggregates.release_counts(ReleasesQuery(project=project.id, start=begin, end=end))
    return page(
        "project.html", **shell, **groups, kpis=kpis, complete=complete, looked=shown, sorts=SORTS, statuses=STATUSES,
        releases=[row.release for row in releases], behind=_behind(call, project, shown),
    )  # fmt: skip


async def start(call: Call) -> web.Response:
    """Answer ``GET /projects/{project}/start``: how a program's crashes get here."""
    project = await call.project()
    shell = await around(call, project, "start")
    heard = await overview.has_data(call.services.pool, project.id)
    found = snippets(project.dsn(call.base), call.base, project.raygun_key)
    return page("start.html", **shell, dsn=project.dsn(call.base), base=call.base, snippets=found, heard=heard)


async def change(call: Call) -> web.Response:
    """Answer ``POST /projects/{project}/groups``: one status for all groups that were ticked."""
    project, form = await call.project(), await call.request.post()
    chosen = decisions.read(form)
    for name in form.getall("group", []):
        row = await call.group(str(name))
        if row.project == project.id:
            await decisions.make(call, row.id, chosen)
    back = str(form.get("back", ""))
    raise web.HTTPSeeOther(back if back.startswith(f"/projects/{project.id}") else f"/projects/{project.id}")


def _behind(call: Call, project: Project, shown: Looked) -> str:
    """Give the address of the events that the page's crashes are counted from."""
    release = call.query.get("release", "").replace('"', "")
    words = "-level:warning -level:info -level:debug" + (f' release:"{release}"' if release else "")
    ends = {"from": present.at(shown.span.start), "to": present.at(shown.span.end)}
    return f"/projects/{project.id}/search?" + urlencode(
        {"q": words, **({"range": shown.name} if shown.name else ends)}
    )


async def _kpis(call: Call, project: Project, shown: Looked) -> list[Kpi]:
    store, release = call.services.aggregates, call.query.get("release", "")
    seconds = call.services.now() / 1000
    minute = int(seconds) // MINUTE * MINUTE
    span = shown.span
    totals = TotalsQuery(project=project.id, start=span.start // 1000, end=span.end // 1000, release=release)
    hour_query = PointsQuery(project=project.id, size=MINUTE, start=minute - HOUR, end=minute + MINUTE, release=release)
    now, before, points = await asyncio.gather(
        store.totals(totals),
        store.totals(replace(totals, start=shown.before.start // 1000, end=shown.before.end // 1000)),
        store.points(hour_query),
    )
    per = {point.start: point.crashes for point in points}
    recent, hour = formatting.a_minute(per, seconds, NOW_MINUTES), formatting.a_minute(per, seconds, 60)
    return [
        Kpi("rate", "Crashes a minute", "over the last 5 minutes, against the last hour", recent, "rate",
            formatting.change(recent, hour)),
        Kpi("crashes", "Crashes", "events of level error or fatal in this range", now.crashes, "count",
            formatting.change(now.crashes, before.crashes)),
        Kpi("users", "Users with crashes", "distinct users of crash events in this range", now.users, "count",
            formatting.change(now.users, before.users)),
        Kpi("cfs", "Crash-free sessions", "1 - crashed sessions / all sessions", now.crash_free_sessions, "share",
            formatting.change(now.crash_free_sessions, before.crash_free_sessions, more_is_worse=False,
                           points=True)),
        Kpi("cfu", "Crash-free users", "1 - users with a crashed session / users with a session",
            now.crash_free_users, "share",
            formatting.change(now.crash_free_users, before.crash_free_users, more_is_worse=False, points=True)),
    ]  # fmt: skip


async def _groups(call: Call, project: Project, shown: Looked) -> dict[str, Any]:
    sort = params.sort(call.query)
    begin, end = shown.span.start // 1000, shown.span.end // 1000
    try:
        rows, following, sizes = await call.services.aggregates.groups(GroupsQuery(
            project=project.id, start=begin, end=end, release=call.query.get("release", ""),
            status=params.choice(call.query, "status", standing.STATUSES, ""),
            sort=sort, limit=25, cursor=call.query.get("cursor", ""),
        ))  # fmt: skip
    except ValueError as error:
        raise bad("bad_cursor", "This list has changed: begin at its first page.") from error
    size = max(queries.size_for(shown.span), queries.size_kept(call.services, shown.span.start))
    members = {row.id: row.members for row in rows}
    counts = EventCountsQuery(project=project.id, start=begin - begin % size, end=end, size=size, members=members)
    series = await overview.event_counts(call.services.pool, counts)
    shapes = {
        name: formatting.fewer(formatting.spread(found, begin, end, size), SPARK_BARS) for name, found in series.items()
    }
    growth = {row.id: formatting.change(row.count + row.messages, row.before) for row in rows}
    return {"rows": rows, "next": following, "sizes": sizes, "series": shapes, "sort": sort, "growth": growth}
