"""One group: since when, in which releases, for whom, why these events are one, and the latest of them in full."""

import asyncio

from aiohttp import web

from app.stores.aggregates.types import TotalsQuery
from app.stores.search.contract import Document
from app.web import queries
from app.web.call import Call
from app.web.errors import ApiError, missing
from app.web.highlight import words_of
from app.web.pages import decisions
from app.web.pages.event import view
from app.web.pages.shell import around, looked, part
from app.web.queries import Picture
from app.web.render import page

FACETS = 6
VALUES = 5


async def show(call: Call) -> web.Response:
    """Answer ``GET /groups/{group}``."""
    row, complete = await call.group(), await call.services.complete_until()
    shown = await looked(call, row.project)
    project = await call.services.projects.get(row.project)
    span, whole, text = shown.span, queries.kept(call.services), call.query.get("q", "")
    start, end = span.start // 1000, span.end // 1000
    totals, hits, facets, why, shell = await asyncio.gather(
        call.services.aggregates.totals(TotalsQuery(project=row.project, start=start, end=end, group=row.id)),
        part(queries.find(call.services, row.project, text, whole, groups=row.members, limit=20,
                          cursor=call.query.get("cursor", ""))),
        part(call.services.search.facets(row.project, row.members, whole.start, whole.end)),
        part(queries.why(call.services, row)),
        around(call, project, "group"),
    )  # fmt: skip
    latest = await part(_latest(call, hits.documents[0])) if hits and hits.documents else None
    return page(
        "group.html", **shell, row=row, totals=totals, hits=hits, facets=_facets(facets), why=why, looked=shown,
        complete=complete, view=view(latest) if latest else None, words=words_of(text),
    )  # fmt: skip


async def change(call: Call) -> web.Response:
    """Answer ``POST /groups/{group}/status``."""
    row = await call.group()
    await decisions.make(call, row.id, decisions.read(await call.request.post()))
    raise web.HTTPSeeOther(f"/groups/{row.id}")


async def merge(call: Call) -> web.Response:
    """Answer ``POST /groups/{group}/merge``."""
    row, form = await call.group(), await call.request.post()
    name = str(form.get("into", "")).strip().rstrip("/").rsplit("/", 1)[-1].lower()
    into = await call.group(name or "-")
    if into.project != row.project:
        raise missing("group")
    if into.id == row.id:
        raise ApiError(409, "same_group", "These are one group already.")
    await call.services.aggregates.merge(row.id, into.id)
    raise web.HTTPSeeOther(f"/groups/{into.id}")


async def unmerge(call: Call) -> web.Response:
    """Answer ``POST /groups/{group}/unmerge``: one member, or all of them."""
    row, form = await call.group(), await call.request.post()
    member = str(form.get("member", row.id))
    if member not in row.members:
        raise missing("group")
    await call.services.aggregates.unmerge(member)
    raise web.HTTPSeeOther(f"/groups/{row.id}")


async def _latest(call: Call, document: Document) -> Picture | None:
    try:
        return await queries.picture(call.services, document)
    except ApiError:  # its raw report is kept no longer; the page says so
        return None


def _facets(found: dict[str, list[tuple[str, int]]] | None) -> list[tuple[str, int, list[tuple[str, int]]]] | None:
    """Give the facets that tell something first: (name, events that have it, the most frequent values)."""
    if found is None:
        return None
    first = {name: place for place, name in enumerate(("release", "environment", "browser", "os", "device", "user"))}
    named = [(name, sum(number for _, number in values), values[:VALUES]) for name, values in found.items() if values]
    named.sort(key=lambda facet: (first.get(facet[0], len(first)), -facet[1]))
    return named[: FACETS * 2]
