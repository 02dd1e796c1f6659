"""One group: its latest event, its numbers by time, tags and users, groups like it, why its events are grouped."""

import asyncio
from typing import Any, Final, NamedTuple

from aiohttp import web

from app.grouping.kinship.explosion import Rule
from app.model import Part
from app.stores.aggregates import types
from app.stores.aggregates.kinship import Similar
from app.stores.aggregates.types import GroupRow
from app.stores.search.contract import Document
from app.web import queries, ruling
from app.web.call import Call
from app.web.errors import ApiError, not_found
from app.web.highlight import word_pattern
from app.web.pages import decisions
from app.web.pages.event_view import event_view
from app.web.pages.position import position_of
from app.web.pages.shell import if_available, page_range, shell
from app.web.params import SearchQuery
from app.web.queries import FullEvent
from app.web.render import page

MAX_FACETS: Final = 12
MAX_VALUES: Final = 5
FIRST_FACETS: Final = ("release", "environment", "browser", "os", "device", "user")
EVENTS: Final = 20
"""Events of one page of the list."""
PARTS: Final = 40
"""Parts of the explanation at most; a stack has up to 250 frames, and an event up to 50 stacks."""


class Facet(NamedTuple):
    """The most frequent values of one tag or field."""

    name: str
    events: int
    """Events that have it."""
    values: list[tuple[str, int]]


class Why(NamedTuple):
    """The parts of an event that grouping examined."""

    counted: list[Part]
    other: list[Part]
    """Parts that did not count."""
    dropped: int
    """Parts that are not listed."""


class Kin(NamedTuple):
    """What a group is linked with."""

    suggestions: list[Similar]
    members: list[tuple[str, Similar | None]]
    """Ids that belong to the group beside its own, each with what joined it."""
    apart: list[Similar]
    """Groups that a person keeps apart."""
    explosions: list[tuple[Rule, str]]
    """Explosion rules whose events fall into the group, with what their texts have in common."""


async def show(call: Call) -> web.Response:
    """Answer ``GET /groups/{group}``."""
    row, complete = await call.group(), await call.services.complete_until()
    shown = await page_range(call, row.project)
    project = await call.services.projects.get(row.project)
    span, query = queries.searchable_range(call.services), call.parameters(SearchQuery)
    in_range = types.TotalsQuery(project=row.project, start=shown.start, end=shown.end, group=row.id)
    totals, hits, facets, why, kin, base = await asyncio.gather(
        call.services.aggregates.totals(in_range),
        if_available(queries.search_events(call.services, row.project, query.q, span, groups=row.members,
                                           limit=EVENTS, cursor=query.cursor)),
        if_available(call.services.search.facets(row.project, row.members, span.start, span.end)),
        if_available(queries.explain_group(call.services, row)),
        _kin(call, row),
        shell(call, project, "group"),
    )  # fmt: skip
    latest: dict[str, Any] = {"view": None, "position": None}
    if hits and hits.documents:
        full, latest["position"] = await asyncio.gather(
            if_available(_latest(call, hits.documents[0])), if_available(position_of(call, hits.documents[0]))
        )
        latest["view"] = event_view(full) if full else None
    return page(
        "group.html", **base, **latest, row=row, totals=totals, hits=hits,
        facets=None if facets is None else _facets(facets), why=None if why is None else why_of(why), kin=kin,
        page_range=shown, complete=complete, words=word_pattern(query.q), back="",
    )  # fmt: skip


async def set_status(call: Call) -> web.Response:
    """Answer ``POST /groups/{group}/status``: back to the page that has the button."""
    row, form = await call.group(), await call.request.post()
    await decisions.apply(call, row.id, decisions.parse(form))
    back = str(form.get("back", ""))
    raise web.HTTPSeeOther(back if back.startswith("/events/") else f"/groups/{row.id}")


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


async def decide(call: Call) -> web.Response:
    """Answer ``POST /groups/{group}/similar``: merge ``other``, or keep it apart for good."""
    row, form = await call.group(), await call.request.post()
    await ruling.decide(call.services, row, str(form.get("other", "")), str(form.get("decision", "")))
    raise web.HTTPSeeOther(f"/groups/{row.id}#similar")


async def take_back(call: Call) -> web.Response:
    """Answer ``POST /groups/{group}/take-back``: an explosion rule, by its signature."""
    row, form = await call.group(), await call.request.post()
    await ruling.take_back(call.services, row.project, str(form.get("rule", "")))
    raise web.HTTPSeeOther(f"/groups/{row.id}#similar")


async def _kin(call: Call, row: GroupRow) -> Kin:
    links, rules = await asyncio.gather(
        call.services.aggregates.similar(row.id), call.services.rules.explosions_of(row.project, row.members)
    )
    joined = {link.other: link for link in links if link.kind == "alias"}
    return Kin(
        suggestions=[link for link in links if link.kind == "suggestion"],
        members=[(member, joined.get(member)) for member in row.members[1:]],
        apart=[link for link in links if link.kind == "never"],
        explosions=[(rule, ruling.template(rule)) for rule in rules],
    )


async def _latest(call: Call, document: Document) -> FullEvent | None:
    try:
        return await queries.full_event(call.services, document)
    except ApiError:  # its raw report is kept no longer; the page says so
        return None


def why_of(parts: list[Part]) -> Why:
    """Return the parts of an explanation that a page lists: rules of the project and what counted before the rest."""
    counted = [part for part in parts if part.counted or part.name == "project rule"]
    other = [part for part in parts if not part.counted and part.name != "project rule"]
    room = max(PARTS - len(counted), 0)
    return Why(counted[:PARTS], other[:room], max(len(parts) - PARTS, 0))


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
