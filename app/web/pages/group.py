"""One group: its numbers, its releases, its tags and users, why its events are grouped, and the latest of them."""

import asyncio
from typing import Final, NamedTuple

from aiohttp import web

from app.stores.aggregates import types
from app.stores.search.contract import Document
from app.web import queries
from app.web.call import Call
from app.web.errors import ApiError, not_found
from app.web.highlight import word_pattern
from app.web.pages import decisions
from app.web.pages.event import event_view
from app.web.pages.shell import if_available, page_range, shell
from app.web.params import SearchQuery
from app.web.queries import FullEvent
from app.web.render import page

MAX_FACETS: Final = 12
MAX_VALUES: Final = 5
FIRST_FACETS: Final = ("release", "environment", "browser", "os", "device", "user")
EVENTS: Final = 20
"""Events of one page of the list."""


class Facet(NamedTuple):
    """The most frequent values of one tag or field."""

    name: str
    events: int
    """Events that have it."""
    values: list[tuple[str, int]]


async def show(call: Call) -> web.Response:
    """Answer ``GET /groups/{group}``."""
    row, complete = await call.group(), await call.services.complete_until()
    shown = await page_range(call, row.project)
    project = await call.services.projects.get(row.project)
    span, query = queries.searchable_range(call.services), call.parameters(SearchQuery)
    in_range = types.TotalsQuery(project=row.project, start=shown.start, end=shown.end, group=row.id)
    totals, hits, facets, why, base = await asyncio.gather(
        call.services.aggregates.totals(in_range),
        if_available(queries.search_events(call.services, row.project, query.q, span, groups=row.members,
                                           limit=EVENTS, cursor=query.cursor)),
        if_available(call.services.search.facets(row.project, row.members, span.start, span.end)),
        if_available(queries.explain_group(call.services, row)),
        shell(call, project, "group"),
    )  # fmt: skip
    latest = await if_available(_latest(call, hits.documents[0])) if hits and hits.documents else None
    return page(
        "group.html", **base, row=row, totals=totals, hits=hits, facets=None if facets is None else _facets(facets),
        why=why, page_range=shown, complete=complete, view=event_view(latest) if latest else None,
        words=word_pattern(query.q),
    )  # fmt: skip


async def set_status(call: Call) -> web.Response:
    """Answer ``POST /groups/{group}/status``."""
    row = await call.group()
    await decisions.apply(call, row.id, decisions.parse(await call.request.post()))
    raise web.HTTPSeeOther(f"/groups/{row.id}")


async def merge(call: Call) -> web.Response:
    """Answer ``POST /groups/{group}/merge``: ``into`` is a group's id, or the address of its page."""
    row, form = await call.group(), await call.request.post()
    name = str(form.get("into", "")).strip().rstrip("/").rsplit("/", 1)[-1].lower()
    into = await call.group(name or "-")
    await queries.merge(call.services, row, into)
    raise web.HTTPSeeOther(f"/groups/{into.id}")


async def unmerge(call: Call) -> web.Response:
    """Answer ``POST /groups/{group}/unmerge``: one member, or all of them."""
    row, form = await call.group(), await call.request.post()
    member = str(form.get("member", row.id))
    if member not in row.members:
        raise not_found("group")
    await call.services.aggregates.unmerge(member)
    raise web.HTTPSeeOther(f"/groups/{row.id}")


async def _latest(call: Call, document: Document) -> FullEvent | None:
    try:
        return await queries.full_event(call.services, document)
    except ApiError:  # its raw report is kept no longer; the page says so
        return None


def _facets(values_of: dict[str, list[tuple[str, int]]]) -> list[Facet]:
    """Return the facets: the well-known fields first, then tags by how many events have them."""
    order = {name: place for place, name in enumerate(FIRST_FACETS)}
    facets = [
        Facet(name, sum(number for _, number in values), values[:MAX_VALUES])
        for name, values in values_of.items()
        if values
    ]
    facets.sort(key=lambda facet: (order.get(facet.name, len(order)), -facet.events))
    return facets[:MAX_FACETS]
