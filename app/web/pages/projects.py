"""All projects, the worst first: how it goes now, against yesterday, and in the newest release."""

import asyncio
from typing import NamedTuple

import msgspec
from aiohttp import web

from app.cells import DAY, HOUR, MINUTE
from app.stores.admin.projects import Project
from app.stores.aggregates.types import GroupRow, GroupsQuery, PointsQuery, ReleaseRow, ReleasesQuery
from app.web import formatting
from app.web.call import Call
from app.web.formatting import Change
from app.web.pages.shell import around
from app.web.render import page

NOW_MINUTES = 5


class Card(NamedTuple):
    """One project."""

    project: Project
    now: float
    """Crashes a minute, over the last five minutes."""
    hour: int
    change: Change
    series: list[int]
    release: ReleaseRow | None
    newest: GroupRow | None


async def show(call: Call) -> web.Response:
    """Answer ``GET /``."""
    complete, shell = await call.services.complete_until(), await around(call, section="projects")
    cards = await asyncio.gather(*(_card(call, project) for project in shell["projects"]))
    cards.sort(key=lambda card: (-card.hour, card.project.id))
    return page("projects.html", **shell, cards=cards, complete=complete)


async def _card(call: Call, project: Project) -> Card:
    seconds = call.services.now() / 1000
    end = int(seconds) // MINUTE * MINUTE + MINUTE
    start, store = end - HOUR, call.services.aggregates
    points, before, release, (newest, _, _) = await asyncio.gather(
        store.points(PointsQuery(project=project.id, size=MINUTE, start=start, end=end)),
        store.points(PointsQuery(project=project.id, size=MINUTE, start=start - DAY, end=end - DAY)),
        _newest(call, project, end),
        store.groups(GroupsQuery(project=project.id, start=end - DAY, end=end, sort="first_seen", limit=1)),
    )
    per = {point.start: point.crashes for point in points}
    series = formatting.spread(per, start, end, MINUTE)
    yesterday = sum(point.crashes for point in before)
    return Card(
        project, formatting.a_minute(per, seconds, NOW_MINUTES), sum(series),
        formatting.change(sum(series), yesterday), series,
        release, newest[0] if newest else None,
    )  # fmt: skip


async def _newest(call: Call, project: Project, end: int) -> ReleaseRow | None:
    """Give the newest release of the day before ``end`` (s), None for none."""
    store = call.services.aggregates
    query = ReleasesQuery(project=project.id, start=end - DAY, end=end)
    names = [row.release for row in await store.release_counts(query)]
    found = await store.releases(msgspec.structs.replace(query, only=names[:1])) if names else []
    return found[0] if found else None
