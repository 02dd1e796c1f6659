"""The releases of a project: who runs them, how often they crash, and whether each is worse than the one before."""

import asyncio
import math
from typing import NamedTuple

from aiohttp import web

from app.stores.aggregates import overview
from app.stores.aggregates.types import ReleaseRow, ReleasesQuery
from app.web import formatting
from app.web.call import Call
from app.web.pages.shell import around, looked
from app.web.render import page

FEW_SESSIONS = 20
"""Sessions of each of two releases below which nothing is said."""
ENOUGH_SESSIONS = 100
"""From here on, no sure difference means not worse."""
NOTICEABLE = 0.005
"""A smaller difference of shares is nothing to act on."""
SHOWN = 50
"""Releases that are shown at first, the newest: of each the users of its sessions are counted anew."""
LISTED = 20
"""Groups of each kind that a release lists."""
SURE = 2.58
"""Standard deviations: chance alone gives as much once in a hundred times."""


class Verdict(NamedTuple):
    """How a release compares with the one before it."""

    word: str
    mood: str
    why: str


async def show(call: Call) -> web.Response:
    """Answer ``GET /projects/{project}/releases``."""
    project, complete = await call.project(), await call.services.complete_until()
    shown = await looked(call, project.id)
    start, end = shown.span.start // 1000, shown.span.end // 1000
    named, shell = await asyncio.gather(
        call.services.aggregates.release_counts(ReleasesQuery(project=project.id, start=start, end=end)),
        around(call, project, "releases"),
    )
    shows = len(named) if call.query.get("all") else SHOWN
    names = [row.release for row in named[: shows + 1]]
    rows = await call.services.aggregates.releases(ReleasesQuery(project=project.id, start=start, end=end, only=names))
    judged = [(row, judge(row, older)) for row, older in zip(rows, [*rows[1:], None], strict=False)][:shows]
    brought = await overview.new_and_regressed(call.services.pool, project.id, [row.release for row in rows], LISTED)
    return page(
        "releases.html", **shell, rows=judged, brought=brought, looked=shown, complete=complete, known=len(named),
    )  # fmt: skip


def judge(row: ReleaseRow, older: ReleaseRow | None) -> Verdict:
    """Compare the crash-free sessions of two releases."""
    if older is None:
        return Verdict("first", "same", "no release before it in this range")
    if row.crash_free_sessions is None or older.crash_free_sessions is None:
        return Verdict("not enough data", "same", "no sessions were received for both releases")
    if min(row.sessions, older.sessions) < FEW_SESSIONS:
        return Verdict("not enough data", "same", f"{row.sessions} and {older.sessions} sessions")
    difference = row.crash_free_sessions - older.crash_free_sessions
    text = (
        f"{formatting.share(row.crash_free_sessions)} of {row.sessions:,} sessions crash-free, "
        f"{formatting.share(older.crash_free_sessions)} of {older.sessions:,} in {older.release}: "
        f"{difference * 100:+.2f} points"
    )
    sure = abs(difference) >= SURE * _deviation(row, older)
    if sure and abs(difference) >= NOTICEABLE:
        return Verdict("worse", "worse", text) if difference < 0 else Verdict("better", "better", text)
    if min(row.sessions, older.sessions) < ENOUGH_SESSIONS:
        return Verdict("not enough data", "same", text)
    return Verdict("not worse", "same", text)


def _deviation(row: ReleaseRow, older: ReleaseRow) -> float:
    """Give the standard deviation of the difference of two shares that are one in truth (the pooled z-test's)."""
    crashed = row.crashed_sessions + older.crashed_sessions
    share = crashed / (row.sessions + older.sessions)
    return math.sqrt(share * (1 - share) * (1 / row.sessions + 1 / older.sessions))
