"""The releases of a project: adoption, crash-free rates, and whether each is worse than the one before."""

import asyncio
import math
from typing import Final, NamedTuple

import msgspec
from aiohttp import web

from app.stores.aggregates import overview, types
from app.stores.aggregates.types import ReleaseRow
from app.web import formatting
from app.web.call import Call
from app.web.formatting import Rating
from app.web.pages.shell import page_range, shell
from app.web.params import ReleasesQuery
from app.web.render import page

FEW_SESSIONS: Final = 20
"""Sessions of each of two releases below which they are not compared."""
ENOUGH_SESSIONS: Final = 100
"""Sessions of each from which on a difference that is not significant means not worse."""
NOTICEABLE: Final = 0.005
"""Differences of crash-free shares below this are not reported as worse or better."""
SHOWN: Final = 50
"""Releases that are listed at first, the newest: each costs a count of the distinct users of its sessions."""
LISTED: Final = 20
"""Groups of each kind that a release lists."""
SIGNIFICANT: Final = 2.58
"""Standard deviations: chance alone gives as large a difference once in a hundred times."""


class Verdict(NamedTuple):
    """The comparison of a release with the one before it."""

    word: str
    rating: Rating
    why: str


async def show(call: Call) -> web.Response:
    """Answer ``GET /projects/{project}/releases``."""
    project, complete = await call.project(), await call.services.complete_until()
    shown = await page_range(call, project.id)
    environment = call.parameters(ReleasesQuery).environment
    wanted = types.ReleasesQuery(project=project.id, start=shown.start, end=shown.end, environment=environment)
    counts, environments, base = await asyncio.gather(
        call.services.aggregates.release_counts(wanted),
        call.services.aggregates.environments(wanted),
        shell(call, project, "releases"),
    )
    most = len(counts) if call.query.get("all") else SHOWN
    names = [row.release for row in counts[: most + 1]]
    rows = await call.services.aggregates.releases(msgspec.structs.replace(wanted, only=names))
    compared = [(row, compare(row, older)) for row, older in zip(rows, [*rows[1:], None], strict=False)][:most]
    arrivals = await overview.new_and_regressed(call.services.pool, project.id, [row.release for row in rows], LISTED)
    return page(
        "releases.html", **base, rows=compared, arrivals=arrivals, page_range=shown, complete=complete,
        known=len(counts), environments=[row.environment for row in environments],
    )  # fmt: skip


def compare(row: ReleaseRow, older: ReleaseRow | None) -> Verdict:
    """Compare the crash-free sessions of a release with those of the one before."""
    if older is None:
        return Verdict("first release", "same", "no earlier release in this range")
    if row.crash_free_sessions is None or older.crash_free_sessions is None:
        return Verdict("not enough data", "same", "no sessions in one of the two releases")
    if min(row.sessions, older.sessions) < FEW_SESSIONS:
        return Verdict("not enough data", "same", f"{row.sessions} and {older.sessions} sessions")
    difference = row.crash_free_sessions - older.crash_free_sessions
    text = (
        f"{formatting.share(row.crash_free_sessions)} of {row.sessions:,} sessions crash-free, "
        f"{formatting.share(older.crash_free_sessions)} of {older.sessions:,} in {older.release}: "
        f"{difference * 100:+.2f} points"
    )
    significant = abs(difference) >= SIGNIFICANT * _deviation(row, older)
    if significant and abs(difference) >= NOTICEABLE:
        return Verdict("worse", "worse", text) if difference < 0 else Verdict("better", "better", text)
    if min(row.sessions, older.sessions) < ENOUGH_SESSIONS:
        return Verdict("not enough data", "same", text)
    return Verdict("not worse", "same", text)


def _deviation(row: ReleaseRow, older: ReleaseRow) -> float:
    """Return the standard deviation of the difference of two shares under the pooled z-test's null hypothesis."""
    crashed = row.crashed_sessions + older.crashed_sessions
    share = crashed / (row.sessions + older.sessions)
    return math.sqrt(share * (1 - share) * (1 / row.sessions + 1 / older.sessions))
