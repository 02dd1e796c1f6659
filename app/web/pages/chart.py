"""The numbers of the large chart, as columns: crashes by time, stacked by the releases or groups with the most."""

import asyncio
from typing import Any, Final, NamedTuple

from aiohttp import web

from app.cells import DAY, HOUR, MINUTE
from app.stores.aggregates.types import GroupsQuery, Point, PointsQuery, ReleasesQuery, TotalsQuery
from app.web import params, queries
from app.web.call import Call
from app.web.pages.shell import looked
from app.web.params import Range
from app.web.respond import reply

STACKED: Final = 5
"""More colours than these nobody can tell apart."""
MOST_BARS: Final = 180
STEPS: Final = (60, 120, 300, 600, 1800, HOUR, 3 * HOUR, 6 * HOUR, DAY)


MUCH: Final = 0.05
"""Share of events that were too late for minute windows from which on hours are drawn instead: all would be seen."""
MEASURES: Final = {"crashes": ("crashes",), "sessions": ("sessions",), "events": ("crashes", "messages")}
"""What can be drawn, by the counts that it is the sum of."""
HOURS_FROM: Final = 3 * HOUR * 1000
"""Ranges (ms) up to this are drawn by the minute in any case."""


class Axis(NamedTuple):
    """The bars: ``step`` seconds each, from ``start`` to ``end`` (s), summed from windows of ``size`` seconds."""

    start: int
    end: int
    step: int
    size: int

    def column(self, points: list[Point], measure: str) -> list[int]:
        """Sum points into bars."""
        values = [0] * ((self.end - self.start) // self.step)
        for point in points:
            values[(point.start - self.start) // self.step] += sum(
                getattr(point, name) or 0 for name in MEASURES[measure]
            )
        return values


class Drawn(NamedTuple):
    """What the bars hold: all of it, and the parts that it is stacked of."""

    total: list[int]
    parts: list[dict[str, Any]]
    late: int
    """What came too late for windows this small: it is in larger ones only."""


def axis(asked: Range, least: int = 0) -> Axis:
    """Choose bars of at least ``least`` seconds so that there are at most ``MOST_BARS`` of them."""
    seconds = (asked.end - asked.start) / 1000
    step = next((step for step in STEPS if step >= least and seconds / step <= MOST_BARS), DAY)
    whole = asked.outward(step)
    size = MINUTE if step < HOUR else HOUR if step < DAY else DAY
    return Axis(whole.start // 1000, whole.end // 1000, step, size)


async def show(call: Call) -> web.Response:
    """Answer ``GET /projects/{project}/chart.json?by=release|group|none&measure=…&group=…&release=…``."""
    project, complete = await call.project(), await call.services.complete_until()
    asked = (await looked(call, project.id)).span
    bars = axis(asked, queries.size_kept(call.services, asked.start))
    drawn = await _draw(call, project.id, bars)
    if bars.size == MINUTE and asked.end - asked.start > HOURS_FROM and drawn.late > sum(drawn.total) * MUCH:
        bars = axis(asked, HOUR)
        drawn = await _draw(call, project.id, bars)
    data = {
        "start": bars.start, "size": bars.step, "total": drawn.total, "series": drawn.parts, "late": drawn.late,
        "complete": complete, "marks": await _marks(call, project.id, bars),
    }  # fmt: skip
    return reply(data)


async def _draw(call: Call, project: int, bars: Axis) -> Drawn:
    store, measure = call.services.aggregates, params.choice(call.query, "measure", tuple(MEASURES), "crashes")
    only = {"group": call.query.get("group", ""), "release": call.query.get("release", "")}
    names, parts = await _parts(call, project, bars)

    async def column(part: dict[str, str]) -> list[int]:
        query = PointsQuery(project=project, size=bars.size, start=bars.start, end=bars.end, **(only | part))
        return bars.column(await store.points(query), measure)

    totals, columns = await asyncio.gather(
        store.totals(TotalsQuery(project=project, start=bars.start, end=bars.end, **only)),
        asyncio.gather(*map(column, [{}, *parts])),
    )
    total, *found = columns
    series: list[dict[str, Any]] = [
        {"name": name, "values": values} for name, values in zip(names, found, strict=True) if any(values)
    ]
    rest = [max(value - sum(part), 0) for value, *part in zip(total, *found, strict=True)]
    if not series or any(rest):
        series.append({"name": "other" if series else measure, "values": rest})
    return Drawn(total, series, max(sum(getattr(totals, name) or 0 for name in MEASURES[measure]) - sum(total), 0))


async def _parts(call: Call, project: int, bars: Axis) -> tuple[list[str], list[dict[str, str]]]:
    by = call.query.get("by", "release")
    if by == "release" and not call.query.get("release"):
        sessions = call.query.get("measure") == "sessions"
        rows = await call.services.aggregates.release_counts(
            ReleasesQuery(project=project, start=bars.start, end=bars.end)
        )
        sized = [(row.sessions if sessions else row.crashes, row.release) for row in rows]
        top = sorted((one for one in sized if one[0]), key=lambda one: -one[0])[:STACKED]
        return [name for _, name in top], [{"release": name} for _, name in top]
    if by == "group" and not call.query.get("group"):
        query = GroupsQuery(project=project, start=bars.start, end=bars.end, sort="count", limit=STACKED)
        groups, _, _ = await call.services.aggregates.groups(query)
        return [row.title for row in groups], [{"group": row.id} for row in groups]
    return [], []


async def _marks(call: Call, project: int, bars: Axis) -> list[dict[str, Any]]:
    rows = await call.services.aggregates.release_counts(ReleasesQuery(project=project, start=bars.start, end=bars.end))
    fresh = [row for row in rows if bars.start * 1000 <= row.first_seen < bars.end * 1000]
    return [{"time": row.first_seen // 1000, "name": row.release} for row in reversed(fresh[:STACKED])]
