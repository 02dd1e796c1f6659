"""The data of the large chart: counts by time as columns, stacked by the releases or groups with the most."""

import asyncio
from typing import Any, Final, Literal, NamedTuple

from aiohttp import web

from app.cells import DAY, HOUR, MINUTE
from app.stores.aggregates import types
from app.stores.aggregates.types import Point
from app.web import queries
from app.web.call import Call
from app.web.pages.shell import page_range
from app.web.params import Range, RangeQuery
from app.web.respond import reply

STACKED: Final = 5
"""Parts of a stack at most: more colours are hard to tell apart."""
MAX_COLUMNS: Final = 180
STEPS: Final = (60, 120, 300, 600, 1800, HOUR, 3 * HOUR, 6 * HOUR, DAY)
"""Widths of a column, s."""
LATE_SHARE: Final = 0.05
"""From this share of events on that were too late for minute windows, columns of hours, which hold them, are drawn."""
MINUTES_UP_TO: Final = 3 * HOUR * 1000
"""Ranges (ms) up to this are drawn from minute windows in any case."""

Measure = Literal["crashes", "not_handled", "sessions", "events"]
COUNTS: Final[dict[Measure, tuple[str, ...]]] = {
    "crashes": ("crashes",),
    "not_handled": ("unhandled", "not_said"),
    "sessions": ("sessions",),
    "events": ("crashes", "messages"),
}
"""The counts that each measure sums."""
NAMES: Final[dict[Measure, str]] = {"crashes": "errors", "not_handled": "crashes"}
"""The name of a chart that is not stacked, where it is not the measure's."""


class ChartQuery(RangeQuery, frozen=True, kw_only=True):
    """What a chart draws. ``by`` is release, group, or anything else for no stack."""

    by: str = "release"
    measure: Measure = "crashes"
    group: str = ""
    release: str = ""
    environment: str = ""
    """Ignored where a group is given: no windows are kept of a group in one environment."""


class Axis(NamedTuple):
    """The columns: ``step`` seconds each, from ``start`` to ``end`` (s), summed from windows of ``size`` seconds."""

    start: int
    end: int
    step: int
    size: int

    def column(self, points: list[Point], measure: Measure) -> list[int]:
        """Sum windows into columns."""
        values = [0] * ((self.end - self.start) // self.step)
        for point in points:
            values[(point.start - self.start) // self.step] += sum(
                getattr(point, name) or 0 for name in COUNTS[measure]
            )
        return values


class ChartData(NamedTuple):
    """The columns' totals, and the series that they are stacked of."""

    total: list[int]
    series: list[dict[str, Any]]
    late: int
    """Events that only larger windows hold, because they came too late for these."""


def axis(span: Range, least: int = 0) -> Axis:
    """Choose columns of at least ``least`` seconds so that there are at most ``MAX_COLUMNS``."""
    seconds = (span.end - span.start) / 1000
    step = next((step for step in STEPS if step >= least and seconds / step <= MAX_COLUMNS), DAY)
    whole = span.outward(step)
    size = MINUTE if step < HOUR else HOUR if step < DAY else DAY
    return Axis(whole.start // 1000, whole.end // 1000, step, size)


async def show(call: Call) -> web.Response:
    """Answer ``GET /projects/{project}/chart.json?by=release|group|none&measure=…&group=…&release=…&environment=…``."""
    project, complete = await call.project(), await call.services.complete_until()
    span, query = (await page_range(call, project.id)).span, call.parameters(ChartQuery)
    columns = axis(span, queries.smallest_window(call.services, span.start))
    data = await _read(call, project.id, query, columns)
    is_long = span.end - span.start > MINUTES_UP_TO
    if columns.size == MINUTE and is_long and data.late > sum(data.total) * LATE_SHARE:
        columns = axis(span, HOUR)
        data = await _read(call, project.id, query, columns)
    return reply(
        {
            "start": columns.start,
            "size": columns.step,
            "total": data.total,
            "series": data.series,
            "late": data.late,
            "complete": complete,
            "marks": await _marks(call, project.id, columns),
        }
    )


async def _read(call: Call, project: int, query: ChartQuery, columns: Axis) -> ChartData:
    store, measure = call.services.aggregates, query.measure
    environment = "" if query.group else query.environment
    only = {"group": query.group, "release": query.release, "environment": environment}
    names, parts = await _parts(call, project, query, columns)

    async def column(part: dict[str, str]) -> list[int]:
        points = await store.points(
            types.PointsQuery(project=project, size=columns.size, start=columns.start, end=columns.end, **only | part)
        )
        return columns.column(points, measure)

    totals, values = await asyncio.gather(
        store.totals(types.TotalsQuery(project=project, start=columns.start, end=columns.end, **only)),
        asyncio.gather(*map(column, [{}, *parts])),
    )
    total, *stacked = values
    series: list[dict[str, Any]] = [
        {"name": name, "values": part} for name, part in zip(names, stacked, strict=True) if any(part)
    ]
    rest = [max(value - sum(part), 0) for value, *part in zip(total, *stacked, strict=True)]
    if not series or any(rest):
        series.append({"name": "other" if series else NAMES.get(measure, measure), "values": rest})
    return ChartData(total, series, max(sum(getattr(totals, name) or 0 for name in COUNTS[measure]) - sum(total), 0))


async def _parts(call: Call, project: int, query: ChartQuery, columns: Axis) -> tuple[list[str], list[dict[str, str]]]:
    """Return the names of the parts of a stack, and the filter of each."""
    store = call.services.aggregates
    if query.by == "release" and not query.release:
        rows = await store.release_counts(
            types.ReleasesQuery(project=project, start=columns.start, end=columns.end, environment=query.environment)
        )
        counts = [(row.sessions if query.measure == "sessions" else row.crashes, row.release) for row in rows]
        top = sorted((part for part in counts if part[0]), key=lambda part: -part[0])[:STACKED]
        return [name for _, name in top], [{"release": name} for _, name in top]
    if query.by == "group" and not query.group and not query.environment:
        groups, _, _ = await store.groups(
            types.GroupsQuery(project=project, start=columns.start, end=columns.end, sort="count", limit=STACKED)
        )
        return [row.title for row in groups], [{"group": row.id} for row in groups]
    return [], []


async def _marks(call: Call, project: int, columns: Axis) -> list[dict[str, Any]]:
    """Return when (s) the newest releases first appeared, oldest first."""
    rows = await call.services.aggregates.release_counts(
        types.ReleasesQuery(project=project, start=columns.start, end=columns.end)
    )
    fresh = [row for row in rows if columns.start * 1000 <= row.first_seen < columns.end * 1000]
    return [{"time": row.first_seen // 1000, "name": row.release} for row in reversed(fresh[:STACKED])]
