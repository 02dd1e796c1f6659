"""One project, live: its numbers with their change, the chart, its groups; before the first event, the set-up page."""

import asyncio
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlencode

from aiohttp import web

from app.cells import HOUR, MINUTE
from app.stores.admin.projects import Project
from app.stores.aggregates import overview, types
from app.web import formatting, queries
from app.web.call import Call
from app.web.errors import bad_request
from app.web.formatting import Comparison, iso
from app.web.pages import decisions
from app.web.pages.shell import PageRange, page_range, shell
from app.web.params import GroupsQuery, or_empty
from app.web.render import page
from app.web.snippets import snippets

SORTS: Final = {
    "last_seen": "Last seen", "rate": "Current rate", "growth": "Growth", "count": "Events", "users": "Users",
    "first_seen": "Newest",
}  # fmt: skip
STATUSES: Final = {
    "": "All", "open": "Unresolved", "regressed": "Regressed", "resolved": "Resolved", "ignored": "Ignored",
}  # fmt: skip
NOW_MINUTES: Final = 5
SPARK_BARS: Final = 61
PAGE: Final = 25
"""Groups of one page of the list."""


class Kpi(NamedTuple):
    """One number at the top of the page."""

    key: str
    name: str
    meaning: str
    value: Any
    kind: Literal["rate", "count", "share"]
    change: Comparison
    baseline: str
    """What the change compares with."""


async def show(call: Call) -> web.Response:
    """Answer ``GET /projects/{project}``."""
    project = await call.project()
    if not await overview.has_data(call.services.pool, project.id):
        return await start(call)
    complete, shown = await call.services.complete_until(), await page_range(call, project.id)
    query = call.parameters(GroupsQuery)
    base = await shell(call, project, "project")
    kpis, groups = await asyncio.gather(
        _kpis(call, project, shown, query.release), _groups(call, project, shown, query)
    )
    releases = await call.services.aggregates.release_counts(
        types.ReleasesQuery(project=project.id, start=shown.start, end=shown.end)
    )
    return page(
        "project.html", **base, **groups, kpis=kpis, complete=complete, page_range=shown, sorts=SORTS,
        statuses=STATUSES, releases=[row.release for row in releases],
        crashes_url=_crashes_url(project, shown, query.release),
    )  # fmt: skip


async def start(call: Call) -> web.Response:
    """Answer ``GET /projects/{project}/start``: the keys, and the code that sends a first crash."""
    project = await call.project()
    base = await shell(call, project, "start")
    heard = await overview.has_data(call.services.pool, project.id)
    dsn = project.dsn(call.base)
    return page(
        "start.html", **base, dsn=dsn, base=call.base, snippets=snippets(dsn, call.base, project.raygun_key),
        heard=heard,
    )  # fmt: skip


async def set_status(call: Call) -> web.Response:
    """Answer ``POST /projects/{project}/groups``: one status for all selected groups."""
    project, form = await call.project(), await call.request.post()
    decision = decisions.parse(form)
    for name in form.getall("group", []):
        row = await call.group(str(name))
        if row.project == project.id:
            await decisions.apply(call, row.id, decision)
    back = str(form.get("back", ""))
    raise web.HTTPSeeOther(back if back.startswith(f"/projects/{project.id}") else f"/projects/{project.id}")


def _crashes_url(project: Project, shown: PageRange, release: str) -> str:
    """Return the address of the search that finds the events which the page counts as crashes."""
    release = release.replace('"', "")
    words = "-level:warning -level:info -level:debug" + (f' release:"{release}"' if release else "")
    ends = {"from": iso(shown.span.start), "to": iso(shown.span.end)}
    return f"/projects/{project.id}/search?" + urlencode(
        {"q": words, **({"range": shown.name} if shown.name else ends)}
    )


async def _kpis(call: Call, project: Project, shown: PageRange, release: str) -> list[Kpi]:
    store, seconds = call.services.aggregates, call.services.now() / 1000
    minute = int(seconds) // MINUTE * MINUTE
    now, before, points = await asyncio.gather(
        store.totals(types.TotalsQuery(project=project.id, start=shown.start, end=shown.end, release=release)),
        store.totals(
            types.TotalsQuery(
                project=project.id, start=shown.before.start // 1000, end=shown.before.end // 1000, release=release
            )
        ),
        store.points(
            types.PointsQuery(
                project=project.id, size=MINUTE, start=minute - HOUR, end=minute + MINUTE, release=release
            )
        ),
    )
    crashes = {point.start: point.crashes for point in points}
    recent = formatting.rate_per_minute(crashes, seconds, NOW_MINUTES)
    hour = formatting.rate_per_minute(crashes, seconds, 60)
    sessions, users = now.crash_free_sessions, now.crash_free_users
    previous = f"vs. previous {shown.name or 'range'}"
    return [
        Kpi("rate", "Crashes per minute", "Average of the last 5 minutes.", recent, "rate",
            formatting.compare(recent, hour), "vs. last hour"),
        Kpi("crashes", "Crashes", "Events of level error or fatal in this range.", now.crashes, "count",
            formatting.compare(now.crashes, before.crashes), previous),
        Kpi("users", "Users with crashes", "Distinct users of crash events in this range.", now.users, "count",
            formatting.compare(now.users, before.users), previous),
        Kpi("cfs", "Crash-free sessions", "1 - crashed sessions / all sessions.", sessions, "share",
            formatting.compare(sessions, before.crash_free_sessions, more_is_worse=False, points=True), previous),
        Kpi("cfu", "Crash-free users", "1 - users with a crashed session / users with a session.", users, "share",
            formatting.compare(users, before.crash_free_users, more_is_worse=False, points=True), previous),
    ]  # fmt: skip


async def _groups(call: Call, project: Project, shown: PageRange, query: GroupsQuery) -> dict[str, Any]:
    """Return the values that the list of groups needs."""
    try:
        rows, following, sizes = await call.services.aggregates.groups(
            types.GroupsQuery(
                project=project.id,
                start=shown.start,
                end=shown.end,
                release=query.release,
                status=or_empty(query.status),
                sort=query.sort,
                limit=PAGE,
                cursor=query.cursor,
            )
        )
    except ValueError as error:
        raise bad_request("bad_cursor", "This page of the list no longer exists. Start at the first page.") from error
    size = max(queries.chart_window(shown.span), queries.smallest_window(call.services, shown.span.start))
    members = {row.id: row.members for row in rows}
    counts = await overview.event_counts(
        call.services.pool,
        types.EventCountsQuery(
            project=project.id, start=shown.start - shown.start % size, end=shown.end, size=size, members=members
        ),
    )
    sparks = {
        group: formatting.downsample(formatting.dense(series, shown.start, shown.end, size), SPARK_BARS)
        for group, series in counts.items()
    }
    growth = {row.id: formatting.compare(row.count + row.messages, row.before) for row in rows}
    return {"rows": rows, "next": following, "sizes": sizes, "sparks": sparks, "sort": query.sort, "growth": growth}
