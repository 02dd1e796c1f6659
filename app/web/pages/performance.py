"""The page and request timings of a project: percentiles by kind at the top, by name below."""

from collections.abc import Callable
from typing import Final

from aiohttp import web

from app.model import TimingKind
from app.stores.aggregates import types
from app.stores.aggregates.types import TimingRow
from app.web.call import Call
from app.web.errors import bad_request
from app.web.pages.shell import page_range, shell
from app.web.params import TimingsQuery, or_empty
from app.web.render import page

MAX_NAMES: Final = 2000
"""Names that are read at most, the most frequent first."""
LISTED: Final = 200
"""Names that the page lists."""
KINDS: Final[dict[TimingKind, tuple[str, str]]] = {
    "page": ("Pages", "from the first request until the page was loaded"),
    "view": ("Views", "changes of view within a page"),
    "request": ("Requests", "requests that the application made"),
    "asset": ("Assets", "scripts, styles and images that pages loaded"),
    "cached": ("Cached", "assets that came from the browser's cache"),
    "custom": ("Custom", "durations that the application measured itself"),
    "vital": ("Vitals", "web vitals; CLS is a score, not a time"),
}
"""Heading and meaning of each kind."""
SORTS: Final[dict[str, tuple[str, Callable[[TimingRow], float]]]] = {
    "count": ("Most frequent", lambda row: row.count),
    "p75": ("p75", lambda row: row.p75),
    "p95": ("p95", lambda row: row.p95),
    "p99": ("p99", lambda row: row.p99),
}


async def show(call: Call) -> web.Response:
    """Answer ``GET /projects/{project}/performance``."""
    project, complete = await call.project(), await call.services.complete_until()
    shown, query = await page_range(call, project.id), call.parameters(TimingsQuery)
    kind, sort = or_empty(query.kind), call.query.get("sort") or "count"
    if sort not in SORTS:
        raise bad_request("bad_sort", f"sort is one of: {', '.join(SORTS)}.")
    timings = await call.services.aggregates.timings(
        types.TimingsQuery(project=project.id, start=shown.start, end=shown.end, release=query.release, limit=MAX_NAMES)
    )
    rows = [row for row in timings.names if kind in ("", row.kind)]
    rows.sort(key=SORTS[sort][1], reverse=True)
    return page(
        "performance.html", **await shell(call, project, "performance"), rows=rows[:LISTED], more=len(rows) - LISTED,
        by_kind=timings.kinds, kinds=KINDS, kind=kind, sorts=SORTS, sort=sort, releases=timings.releases,
        page_range=shown, complete=complete,
    )  # fmt: skip
