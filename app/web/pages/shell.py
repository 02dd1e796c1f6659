"""What every page has around it: the projects to switch to, the range that is looked at, parts that may be missing."""

from collections.abc import Awaitable
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlencode

from app.cells import HOUR
from app.stores.admin.projects import Project
from app.stores.aggregates import overview
from app.web import params, queries
from app.web.call import Call
from app.web.errors import AWAY
from app.web.health import TEXTS
from app.web.params import Range

Part = TypeVar("Part")
RANGES: Final = {"1h": 1, "6h": 6, "24h": 24, "7d": 24 * 7, "30d": 24 * 30}
DEFAULT_RANGE: Final = "24h"


class Looked(NamedTuple):
    """The range that a page shows: by name, or as it was chosen in the chart."""

    name: str
    """'' for a chosen one."""
    span: Range

    @property
    def before(self) -> Range:
        """The equally long range just before."""
        return Range(max(2 * self.span.start - self.span.end, 0), self.span.start)


async def looked(call: Call, project: int) -> Looked:
    """Read which range a page shows; without one, so much that all of a young project is seen. Raises 400."""
    if call.query.get("from") or call.query.get("to"):
        return _looked(call, "", params.span(call.query, call.services.now()))
    name = call.query.get("range", "")
    name = name if name in RANGES else await _suitable(call, project)
    return _looked(call, name, params.span({}, call.services.now(), hours=RANGES[name]))


def _looked(call: Call, name: str, span: Range) -> Looked:
    """Round so that the range and the one before it, which it is compared with, are of windows that are kept."""
    return Looked(name, queries.rounded(call.services, span, before=True))


async def _suitable(call: Call, project: int) -> str:
    first = await overview.first_hour(call.services.pool, project)
    if first is None:
        return DEFAULT_RANGE
    age = (call.services.now() // 1000 - first) / HOUR
    return next((name for name in ("1h", "6h") if age <= RANGES[name]), DEFAULT_RANGE)


def address(call: Call, **changed: str) -> str:
    """Give this page's address with some of its query changed ('' removes)."""
    query = {name: value for name, value in {**call.query, **changed}.items() if value}
    return call.request.path + ("?" + urlencode(query) if query else "")


async def around(call: Call, project: Project | None = None, section: str = "") -> dict[str, Any]:
    """Give what the template ``base.html`` needs."""
    return {
        "projects": [each for each in await call.services.projects.list() if call.access.may_see(each.id)],
        "project": project,
        "section": section,
        "csrf": call.csrf,
        "address": lambda **changed: address(call, **changed),
        "query": call.query,
        "ranges": RANGES,
        "alerts": [TEXTS.get(code, code) for code in call.services.readiness()],
    }


async def part(found: Awaitable[Part]) -> Part | None:
    """Give a part of a page, None where its store does not answer: the rest of the page works without it."""
    try:
        return await found
    except AWAY:
        return None
