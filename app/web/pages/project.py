"""One project, live: its numbers with their change, the chart, its groups; before the first event, the set-up page."""

import asyncio
from functools import partial
from typing import Any, Final, Literal, NamedTuple, get_args
from urllib.parse import urlencode

from aiohttp import web
from msgspec import UNSET

from app.cells import HOUR, MINUTE
from app.model import Level
from app.stores.admin.projects import Project
from app.stores.aggregates import overview, types
from app.web import formatting, queries
from app.web.call import Call
from app.web.errors import bad_request
from app.web.formatting import Comparison, iso
from app.web.pages import decisions, figures, probe_event
from app.web.pages.figures import Figure
from app.web.pages.shell import PageRange, page_range, shell
from app.web.params import GroupsQuery, or_empty, status_of
from app.web.render import page
from app.web.snippets import snippets

SORTS: Final = {"rate": "Current rate", "growth": "Growth"}
"""Orders that no column of the list shows."""
STATUSES: Final = {
    "": "Unresolved", "regressed": "Regressed", "resolved": "Resolved", "ignored": "Ignored", "all": "All",
}  # fmt: skip
"""The list shows what needs a look: unresolved groups, regressed ones among them."""
HANDLED: Final = {"false": "unhandled", "true": "handled", "unknown": "not said"}
FILTERS: Final = ("release", "environment", "level", "handled", "q", "status")
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
    wanted = types.ReleasesQuery(project=project.id, start=shown.start, end=shown.end)
    releases, environments, groups = await asyncio.gather(
        call.services.aggregates.release_counts(wanted),
        call.services.aggregates.environments(wanted),
        _groups(call, project, shown, query),
    )
    numbers = await _numbers(call, project, shown, query)
    figure = figures.choose(numbers.now, wants_all=call.query.get("errors") == "all")
    return page(
        "project.html", **base, **groups, kpis=_kpis(numbers, figure, shown), figure=figure, complete=complete,
        page_range=shown, sorts=SORTS, statuses=STATUSES, levels=get_args(Level), handled=HANDLED, filters=FILTERS,
        releases=[row.release for row in releases], environments=[row.environment for row in environments],
        unhandled_sessions=numbers.now.unhandled_sessions, crashes_url=_crashes_url(project, shown, query, figure),
    )  # fmt: skip


async def start(call: Call) -> web.Response:
    """Answer ``GET /projects/{project}/start``: the keys, and the code that sends a first crash."""
    project = await call.project()
    base = await shell(call, project, "start")
    heard = await overview.has_data(call.services.pool, project.id)
    dsn = project.dsn(call.base)
    return page(
        "start.html", **base, dsn=dsn, base=call.base, snippets=snippets(dsn, call.base, project.raygun_key),
        heard=heard, sent="".join(letter for letter in call.query.get("sent", "")[:32] if letter in queries.HEX),
    )  # fmt: skip


async def send_test(call: Call) -> web.Response:
    """Answer ``POST /projects/{project}/test``: send an event to the project's DSN."""
    project = await call.project()
    event_id = await probe_event.send(project, call.base)
    raise web.HTTPSeeOther(f"/projects/{project.id}/start?sent={event_id}")


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


def _crashes_url(project: Project, shown: PageRange, query: GroupsQuery, figure: Figure) -> str:
    """Return the address of the search that finds the events which the figure counts, of those that search keeps."""
    release = query.release.replace('"', "")
    words = "-level:warning -level:info -level:debug" + (f' release:"{release}"' if release else "")
    words += "" if figure.measure == "crashes" else " -handled:true"
    words = queries.in_environment(words, query.environment)
    ends = {"from": iso(shown.span.start), "to": iso(shown.span.end)}
    return f"/projects/{project.id}/search?" + urlencode(
        {"q": words, **({"range": shown.name} if shown.name else ends)}
    )


class Numbers(NamedTuple):
    """What the figures at the top are computed from."""

    now: types.Totals
    before: types.Totals | None
    """Of the equally long range before; None where that is not whole: the data begin within it."""
    points: list[types.Point]
    """The minutes of the last hour."""
    seconds: float
    """The time now."""


async def _numbers(call: Call, project: Project, shown: PageRange, query: GroupsQuery) -> Numbers:
    store, seconds, previous = call.services.aggregates, call.services.now() / 1000, shown.before
    minute = int(seconds) // MINUTE * MINUTE
    sums = partial(types.TotalsQuery, project=project.id, release=query.release, environment=query.environment)
    now, before, points, is_whole = await asyncio.gather(
        store.totals(sums(start=shown.start, end=shown.end)),
        store.totals(sums(start=previous.start // 1000, end=previous.end // 1000)),
        store.points(
            types.PointsQuery(
                project=project.id,
                size=MINUTE,
                start=minute - HOUR,
                end=minute + MINUTE,
                release=query.release,
                environment=query.environment,
            )
        ),
        figures.reaches_back(call, project.id, previous.start, query.release, query.environment),
    )
    return Numbers(now, before if is_whole else None, points, seconds)


def _kpis(numbers: Numbers, figure: Figure, shown: PageRange) -> list[Kpi]:
    now, before = numbers.now, numbers.before
    crashes = {point.start: figure.of(point) for point in numbers.points}
    recent = formatting.rate_per_minute(crashes, numbers.seconds, NOW_MINUTES)
    hour = formatting.rate_per_minute(crashes, numbers.seconds, 60) if before else None
    sessions, users = now.crash_free_sessions, now.crash_free_users
    previous = f"vs. previous {shown.name or 'range'}"
    return [
        Kpi("rate", f"{figure.name} per minute", "Average of the last 5 minutes.", recent, "rate",
            formatting.compare(recent, hour), "vs. last hour"),
        Kpi("crashes", figure.name, figure.meaning, figure.of(now), "count",
            formatting.compare(figure.of(now), figure.of(before) if before else None), previous),
        Kpi("users", "Users with errors", "Distinct users of events of level error or fatal in this range.", now.users,
            "count", formatting.compare(now.users, before.users if before else None), previous),
        Kpi("cfs", "Crash-free sessions", "1 - crashed sessions / all sessions.", sessions, "share",
            _compare_shares(sessions, before.crash_free_sessions if before else None), previous),
        Kpi("cfu", "Crash-free users", "1 - users with a crashed session / users with a session.", users, "share",
            _compare_shares(users, before.crash_free_users if before else None), previous),
    ]  # fmt: skip


def _compare_shares(now: float | None, before: float | None) -> Comparison:
    return formatting.compare(now, before, more_is_worse=False, points=True)


async def _groups(call: Call, project: Project, shown: PageRange, query: GroupsQuery) -> dict[str, Any]:
    """Return the values that the list of groups needs."""
    words = queries.in_environment(query.q, query.environment)
    matching = await queries.search_groups(call.services, project.id, words, shown.span) if words else None
    try:
        rows, following, sizes = await call.services.aggregates.groups(
            types.GroupsQuery(
                project=project.id,
                start=shown.start,
                end=shown.end,
                release=query.release,
                status="open" if query.status is UNSET else status_of(query),
                level=or_empty(query.level),
                handled=or_empty(query.handled),
                only=matching.ids if matching else None,
                sort=query.sort,
                limit=PAGE,
                cursor=query.cursor,
            )
        )
    except ValueError as error:
        raise bad_request("bad_cursor", "This page of the list no longer exists. Start at the first page.") from error
    size = max(queries.chart_window(shown.span), queries.smallest_window(call.services, shown.span.start))
    # No windows are kept of a group in one environment: the list then has no charts.
    members = {} if query.environment else {row.id: row.members for row in rows}
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
    is_whole = await figures.reaches_back(call, project.id, shown.before.start, query.release)
    growth = {row.id: formatting.compare(row.count + row.messages, row.before) for row in rows} if is_whole else {}
    return {
        "rows": rows, "next": following, "sizes": sizes, "sparks": sparks, "sort": query.sort, "growth": growth,
        "found": {row.id: matching.of(row.members) for row in rows} if matching else {},
    }  # fmt: skip
