"""All projects, the one with the most crashes first: now, against yesterday, and in the newest release."""

import asyncio
from typing import Final, NamedTuple

from aiohttp import web

from app.cells import DAY, HOUR, MINUTE
from app.stores.admin.projects import Project
from app.stores.aggregates import types
from app.stores.aggregates.types import GroupRow, ReleaseRow
from app.web import formatting
from app.web.call import Call
from app.web.formatting import Comparison
from app.web.pages.shell import shell
from app.web.render import page

NOW_MINUTES: Final = 5


class Card(NamedTuple):
    """One project with its numbers."""

    project: Project
    rate: float
    """Crashes a minute, over the last ``NOW_MINUTES``."""
    hour: int
    """Crashes in the last hour."""
    change: Comparison
    """``hour`` against the same hour yesterday."""
    series: list[int]
    """Crashes by minute."""
    release: ReleaseRow | None
    """The newest release of the last day."""
    newest: GroupRow | None
    """The newest group of the last day."""


async def show(call: Call) -> web.Response:
    """Answer ``GET /``."""
    complete, base = await call.services.complete_until(), await shell(call, section="projects")
    cards = await asyncio.gather(*(_card(call, project) for project in base["projects"]))
    cards.sort(key=lambda card: (-card.hour, card.project.id))
    return page("projects.html", **base, cards=cards, complete=complete)


async def _card(call: Call, project: Project) -> Card:
    seconds = call.services.now() / 1000
    end = int(seconds) // MINUTE * MINUTE + MINUTE
    start, store = end - HOUR, call.services.aggregates
    points, yesterday, release, (newest, _, _) = await asyncio.gather(
        store.points(types.PointsQuery(project=project.id, size=MINUTE, start=start, end=end)),
        store.points(types.PointsQuery(project=project.id, size=MINUTE, start=start - DAY, end=end - DAY)),
        _newest_release(call, project, end),
        store.groups(types.GroupsQuery(project=project.id, start=end - DAY, end=end, sort="first_seen", limit=1)),
    )
    crashes = {point.start: point.crashes for point in points}
    series = formatting.dense(crashes, start, end, MINUTE)
    return Card(
        project=project,
        rate=formatting.rate_per_minute(crashes, seconds, NOW_MINUTES),
        hour=sum(series),
        change=formatting.compare(sum(series), sum(point.crashes for point in yesterday)),
        series=series,
        release=release,
        newest=newest[0] if newest else None,
    )


async def _newest_release(call: Call, project: Project, end: int) -> ReleaseRow | None:
    """Return the newest release of the day before ``end`` (s), None for none."""
    store = call.services.aggregates
    names = [
        row.release
        for row in await store.release_counts(types.ReleasesQuery(project=project.id, start=end - DAY, end=end))
    ]
    rows = (
        await store.releases(types.ReleasesQuery(project=project.id, start=end - DAY, end=end, only=names[:1]))
        if names
        else []
    )
    return rows[0] if rows else None
