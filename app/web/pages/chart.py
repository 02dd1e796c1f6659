"""The numbers of the large chart, as columns: crashes by window, stacked by the releases or groups with the most."""

import asyncio
from typing import Any, Final

from aiohttp import web

from app.stores.contract import Point
from app.web import figures, queries
from app.web.call import Call
from app.web.pages.shell import looked
from app.web.respond import reply

STACKED: Final = 5
"""More colours than these nobody can tell apart."""


async def show(call: Call) -> web.Response:
    """Answer ``GET /projects/{project}/chart.json?by=release|group|none&group=``."""
    project, complete = await call.project(), await call.services.complete_until()
    span, store = looked(call).span, call.services.aggregates
    size = queries.size_for(span)
    span = span.outward(size)
    start, end = span.start // 1000, span.end // 1000
    group, release = call.query.get("group", ""), call.query.get("release", "")
    names, parts = await _parts(call, project.id, start, end)
    total, *found = await asyncio.gather(
        store.points(project.id, size, start, end, group=group, release=release),
        *(store.points(project.id, size, start, end, **(_both(group, release) | one)) for one in parts),
    )
    series = [
        {"name": name, "values": _column(points, start, end, size)} for name, points in zip(names, found, strict=True)
    ]
    whole = _column(total, start, end, size)
    rest = [value - sum(column) for value, *column in zip(whole, *(one["values"] for one in series), strict=True)]
    if not series or any(value > 0 for value in rest):
        series.append({"name": "other" if series else "crashes", "values": [max(value, 0) for value in rest]})
    data = {"start": start, "size": size, "total": whole, "series": series, "complete": complete,
            "marks": await _marks(call, project.id, start, end)}  # fmt: skip
    return reply(data)


async def _parts(call: Call, project: int, start: int, end: int) -> tuple[list[str], list[dict[str, str]]]:
    by = call.query.get("by", "release")
    if by == "release" and not call.query.get("release"):
        rows = await call.services.aggregates.releases(project, start, end)
        top = sorted((row for row in rows if row.crashes), key=lambda row: -row.crashes)[:STACKED]
        return [row.release for row in top], [{"release": row.release} for row in top]
    if by == "group" and not call.query.get("group"):
        groups, _, _ = await call.services.aggregates.groups(project, start, end, sort="count", limit=STACKED)
        return [row.title for row in groups], [{"group": row.id} for row in groups]
    return [], []


async def _marks(call: Call, project: int, start: int, end: int) -> list[dict[str, Any]]:
    rows = await call.services.aggregates.releases(project, start, end)
    fresh = [row for row in rows if start * 1000 <= row.first_seen < end * 1000]
    fresh.sort(key=lambda row: row.first_seen)
    return [{"time": row.first_seen // 1000, "name": row.release} for row in fresh[-STACKED:]]


def _both(group: str, release: str) -> dict[str, str]:
    return {"group": group, "release": release}


def _column(points: list[Point], start: int, end: int, size: int) -> list[int]:
    return figures.spread({point.start: point.crashes for point in points}, start, end, size)
