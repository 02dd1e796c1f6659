"""The releases of a project: who runs them, how often they crash, and whether each is worse than the one before."""

import asyncio
from typing import NamedTuple

from aiohttp import web

from app.stores.contract import ReleaseRow
from app.web.call import Call
from app.web.pages.shell import around, looked
from app.web.render import page

ENOUGH_SESSIONS = 100
"""Sessions of each of two releases below which a difference of their rates says nothing."""
NOTICEABLE = 0.005


class Verdict(NamedTuple):
    """How a release compares with the one before it."""

    word: str
    mood: str
    why: str


async def show(call: Call) -> web.Response:
    """Answer ``GET /projects/{project}/releases``."""
    project, complete, shown = await call.project(), await call.services.complete_until(), looked(call)
    start, end = shown.span.start // 1000, shown.span.end // 1000
    rows, shell = await asyncio.gather(
        call.services.aggregates.releases(project.id, start, end), around(call, project, "releases")
    )
    judged = [(row, judge(row, older)) for row, older in zip(rows, [*rows[1:], None], strict=False)]
    return page("releases.html", **shell, rows=judged, looked=shown, complete=complete)


def judge(row: ReleaseRow, older: ReleaseRow | None) -> Verdict:
    """Compare the crash-free sessions of two releases."""
    if older is None:
        return Verdict("first", "same", "no release before it in this range")
    if row.crash_free_sessions is None or older.crash_free_sessions is None:
        return Verdict("not enough data", "same", "no sessions were received for both releases")
    if min(row.sessions, older.sessions) < ENOUGH_SESSIONS:
        return Verdict("not enough data", "same", f"each needs {ENOUGH_SESSIONS} sessions in this range")
    difference = (row.crash_free_sessions - older.crash_free_sessions) * 100
    text = f"{difference:+.2f} points of crash-free sessions against {older.release}"
    if difference < -NOTICEABLE * 100:
        return Verdict("worse", "worse", text)
    return Verdict("better", "better", text) if difference > NOTICEABLE * 100 else Verdict("not worse", "same", text)
