"""What every page shares: the projects to switch to, the displayed range, parts that may be unavailable."""

from collections.abc import Coroutine
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlencode

from msgspec import UNSET

from app.cells import HOUR
from app.outages import sentence
from app.stores.admin.projects import Project
from app.stores.aggregates import overview
from app.tasks import within
from app.web import queries
from app.web.call import Call
from app.web.errors import AWAY
from app.web.params import Range, RangeQuery

Part = TypeVar("Part")
RANGES: Final = {"1h": 1, "6h": 6, "24h": 24, "7d": 24 * 7, "30d": 24 * 30}
"""Hours of each range that the picker offers."""
DEFAULT_RANGE: Final = "24h"
PART_SECONDS: Final = 5.0
"""Less than the time of a whole answer: a part that is not there in time leaves some for the others."""


class PageRange(NamedTuple):
    """The range that a page displays, rounded to windows that are kept."""

    name: str
    """The picker's name, '' for a range chosen in the chart."""
    span: Range

    @property
    def start(self) -> int:
        """Start of the range, s."""
        return self.span.start // 1000

    @property
    def end(self) -> int:
        """End of the range, s."""
        return self.span.end // 1000

    @property
    def before(self) -> Range:
        """The equally long range just before."""
        return Range(max(2 * self.span.start - self.span.end, 0), self.span.start)


async def page_range(call: Call, project: int) -> PageRange:
    """Read the range that a page displays. By default it covers all of a young project, else a day. Raises 400."""
    query, now = call.parameters(RangeQuery), call.services.now()
    if query.start is not UNSET or query.end is not UNSET:
        return PageRange("", _rounded(call, query.range(now)))
    name = call.query.get("range", "")
    name = name if name in RANGES else await _default_range(call, project)
    return PageRange(name, _rounded(call, RangeQuery().range(now, hours=RANGES[name])))


def _rounded(call: Call, span: Range) -> Range:
    """Round so that the range and the one before it, which pages compare it with, are of windows that are kept."""
    return queries.rounded(call.services, span, before=True)


async def _default_range(call: Call, project: int) -> str:
    first = await overview.first_hour(call.services.pool, project)
    if first is None:
        return DEFAULT_RANGE
    age = (call.services.now() // 1000 - first) / HOUR
    return next((name for name in ("1h", "6h") if age <= RANGES[name]), DEFAULT_RANGE)


def page_url(call: Call, **changed: str) -> str:
    """Return this page's address with some parameters of its query changed; '' removes one."""
    query = {name: value for name, value in {**call.query, **changed}.items() if value}
    return call.request.path + ("?" + urlencode(query) if query else "")


async def shell(call: Call, project: Project | None = None, section: str = "") -> dict[str, Any]:
    """Return the values that the template ``base.html`` needs."""
    return {
        "projects": [other for other in await call.services.projects.list() if call.access.may_see(other.id)],
        "project": project,
        "section": section,
        "csrf": call.csrf,
        "page_url": lambda **changed: page_url(call, **changed),
        "query": call.query,
        "ranges": RANGES,
        "alerts": [sentence(code, call.services.settings) for code in call.services.readiness()],
    }


async def if_available(part: Coroutine[Any, Any, Part]) -> Part | None:
    """Return a part of a page; None where its store does not answer in time, so that the rest of it still works."""
    try:
        return await within(PART_SECONDS, part)
    except AWAY:
        return None
