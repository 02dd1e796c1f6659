"""How long pages and requests of a project take: by kind at the top, by name below."""

from collections.abc import Callable
from typing import Final

from aiohttp import web

from app.model import TimingKind
from app.stores.aggregates.types import TimingRow, TimingsQuery
from app.web import params
from app.web.call import Call
from app.web.pages.shell import around, looked
from app.web.render import page

NAMES: Final = 2000
"""Names that are looked through at most, the most frequent first."""

SHOWN: Final = 200
KINDS: Final[dict[TimingKind, tuple[str, str]]] = {
    "page": ("Pages", "from the first request until the page was loaded"),
    "view": ("Views", "changes of view within a page"),
    "request": ("Requests", "requests that the program made"),
    "asset": ("Assets", "scripts, styles and images that pages loaded"),
    "cached": ("Cached", "the same from the browser's cache"),
    "custom": ("Custom", "what the program measured itself"),
    "vital": ("Vitals", "web vitals; CLS is a score, not a time"),
}
SORTS: Final[dict[str, tuple[str, Callable[[TimingRow], float]]]] = {
    "count": ("Most frequent", lambda row: row.count),
    "p75": ("p75", lambda row: row.p75),
    "p95": ("p95", lambda row: row.p95),
    "p99": ("p99", lambda row: row.p99),
}


async def show(call: Call) -> web.Response:
    """Answer ``GET /projects/{project}/performance``."""
    project, complete = await call.project(), await call.services.complete_until()
    shown = await looked(call, project.id)
    kind = params.choice(call.query, "kind", tuple(KINDS), "")
    sort = params.choice(call.query, "sort", tuple(SORTS), "count")
    found = await call.services.aggregates.timings(TimingsQuery(
        project=project.id, start=shown.span.start // 1000, end=shown.span.end // 1000,
        release=call.query.get("release", ""), limit=NAMES,
    ))  # fmt: skip
    rows = [row for row in found.names if kind in ("", row.kind)]
    rows.sort(key=SORTS[sort][1], reverse=True)
    return page(
        "performance.html", **await around(call, project, "performance"), rows=rows[:SHOWN], more=len(rows) - SHOWN,
        by_kind=found.kinds, kinds=KINDS, kind=kind, sorts=SORTS, sort=sort, releases=found.releases, looked=shown,
        complete=complete,
    )  # fmt: skip
