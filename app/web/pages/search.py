"""Search: one box, how many events it finds by time, and the events."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from aiohttp import web

from app.cells import DAY
from app.web import queries
from app.web.api import present
from app.web.call import Call
from app.web.errors import ApiError
from app.web.highlight import words_of
from app.web.pages.chart import STEPS
from app.web.pages.shell import around, looked, part
from app.web.params import Range
from app.web.render import page
from app.web.respond import reply

MOST_BARS = 72
PLOT = 60
"""Height of the picture, in the units of its view box; a bar is ten wide."""


class Column(NamedTuple):
    """One step of time: its ends (ISO-8601), its events, its height."""

    start: str
    end: str
    events: int
    height: float


async def show(call: Call) -> web.Response:
    """Answer ``GET /projects/{project}/search``."""
    project, text = await call.project(), call.query.get("q", "")
    shown = await looked(call, project.id)
    shell = await around(call, project, "search")
    hits, counted, problem = None, None, ""
    try:
        hits, counted = await asyncio.gather(
            part(queries.find(call.services, project.id, text, shown.span, limit=50,
                              cursor=call.query.get("cursor", ""))),
            part(queries.by_time(call.services, project.id, text, shown.span, step_of(shown.span))),
        )  # fmt: skip
    except ApiError as refused:
        if refused.code != "bad_query":
            raise
        problem = refused.message
    columns = None if counted is None else columns_of(counted, shown.span)
    return page(
        "search.html", **shell, hits=hits, text=text, words=words_of(text), looked=shown, problem=problem,
        columns=columns, plot=PLOT,
    )  # fmt: skip


async def values(call: Call) -> web.Response:
    """Answer ``GET /projects/{project}/values.json``: what the fields and tags of recent events say, for completion."""
    project = await call.project()
    shown = await looked(call, project.id)
    found = await part(call.services.search.facets(project.id, (), shown.span.start, shown.span.end)) or {}
    fields = ((name, value) for name, counted in found.items() for value, _ in counted)
    return reply([f'{name}:"{value}"' for name, value in fields if '"' not in name + value and " " not in name])


def step_of(span: Range) -> int:
    """Give the length of a step (ms) so that there are at most ``MOST_BARS``, but for the one that a range cuts."""
    seconds = (span.end - span.start) / 1000
    days = -(-seconds // (MOST_BARS * DAY)) * DAY
    return int(next((step for step in STEPS if seconds / step <= MOST_BARS), days)) * 1000


def columns_of(counted: Mapping[int, int], span: Range) -> list[Column]:
    """Lay counts by time out over a range."""
    step, top = step_of(span), max(counted.values(), default=0) or 1
    return [
        Column(present.at(at), present.at(at + step), number, round(max(number / top * PLOT, 2 if number else 0), 1))
        for at in range(span.start - span.start % step, span.end, step)
        for number in [counted.get(at, 0)]
    ]
