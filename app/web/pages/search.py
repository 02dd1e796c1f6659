"""Search: one box, a histogram of the matching events, and the events."""

import asyncio
from collections.abc import Mapping
from typing import Final, NamedTuple

from aiohttp import web

from app.cells import DAY
from app.web import queries
from app.web.call import Call
from app.web.errors import ApiError
from app.web.formatting import iso
from app.web.highlight import word_pattern
from app.web.pages.chart import STEPS
from app.web.pages.shell import if_available, page_range, shell
from app.web.params import Range, SearchQuery
from app.web.queries import UnknownField
from app.web.render import page
from app.web.respond import reply

MAX_BARS: Final = 72
HEIGHT: Final = 60
"""Height of the histogram, in the units of its view box; a bar is ten wide."""
EVENTS: Final = 50
"""Events of one page of the list."""


COMPLETED: Final = (
    "release:", "environment:", "level:", "type:", "message:", "user:", "user.email:", "transaction:", "trace:",
    "logger:", "file:", "function:", "os.name:", "browser.name:", "device.model:", "platform:", "url:",
    "handled:false", "is:unresolved", "is:new", "is:regressed",
)  # fmt: skip
"""What the box completes before values are known."""
HELP: Final = (
    ("Words", ("timeout", '"card was declined"', "-word", "pay*")),
    ("In the code", ("type:", "message:", "function:", "file:", "culprit:", "logger:")),
    ("Where", ("release:", "environment:", "platform:", "server:", "url:", "transaction:", "trace:", "sdk:")),
    ("Who", ("user:", "user.id:", "user.email:", "user.username:", "user.ip:", "user.name:")),
    ("Contexts and tags", ("os.name:", "browser.name:", "device.model:", "context.key:", "tag.key:")),
    ("State", (
        "level:", "handled:true", "handled:false", "handled:unknown", "is:unresolved", "is:new", "is:regressed",
        "is:resolved", "is:ignored",
    )),
    ("One of them", ("event:", "group:")),
)  # fmt: skip
"""Heading, and examples or fields of the language."""


class Bar(NamedTuple):
    """One bar of the histogram: its ends (ISO-8601), its events, its height."""

    start: str
    end: str
    events: int
    height: float


async def show(call: Call) -> web.Response:
    """Answer ``GET /projects/{project}/search``."""
    project, query = await call.project(), call.parameters(SearchQuery)
    shown = await page_range(call, project.id)
    base = await shell(call, project, "search")
    hits, counts, problem = None, None, ""
    try:
        hits, counts = await asyncio.gather(
            if_available(queries.search_events(call.services, project.id, query.q, shown.span, limit=EVENTS,
                                               cursor=query.cursor)),
            if_available(queries.count_by_time(call.services, project.id, query.q, shown.span, step_of(shown.span))),
        )  # fmt: skip
    except ApiError as error:
        if error.code != "bad_query":
            raise
        problem = error.message
    unknown: list[UnknownField] | None = None
    if hits is not None:
        names = queries.unknown_fields(call.services, project.id, query.q, shown.span, hits.total)
        unknown = await if_available(names)
    bars = None if counts is None else bars_of(counts, shown.span)
    return page(
        "search.html", **base, hits=hits, text=query.q, words=word_pattern(query.q), page_range=shown, problem=problem,
        bars=bars, height=HEIGHT, unknown_names=unknown or [], fields=COMPLETED, help=HELP,
    )  # fmt: skip


async def values(call: Call) -> web.Response:
    """Answer ``GET /projects/{project}/values.json``: ``field:"value"`` of recent events, for completion."""
    project = await call.project()
    shown = await page_range(call, project.id)
    facets = call.services.search.facets(project.id, (), shown.span.start, shown.span.end)
    counts_of = await if_available(facets) or {}
    pairs = ((name, value) for name, counts in counts_of.items() for value, _ in counts)
    return reply([f'{name}:"{value}"' for name, value in pairs if '"' not in name + value and " " not in name])


def step_of(span: Range) -> int:
    """Return the width of a bar (ms) so that about ``MAX_BARS`` cover the range."""
    seconds = (span.end - span.start) / 1000
    days = -(-seconds // (MAX_BARS * DAY)) * DAY
    return int(next((step for step in STEPS if seconds / step <= MAX_BARS), days)) * 1000


def bars_of(counts: Mapping[int, int], span: Range) -> list[Bar]:
    """Lay out counts by time over a range; a bar with events is at least two units high."""
    step, top = step_of(span), max(counts.values(), default=0) or 1
    return [
        Bar(iso(at), iso(at + step), number, round(max(number / top * HEIGHT, 2 if number else 0), 1))
        for at in range(span.start - span.start % step, span.end, step)
        for number in [counts.get(at, 0)]
    ]
