"""The aggregates store: windows, groups, releases, progress and notices in PostgreSQL, written by rates, read by web.

Times are seconds since the epoch where they are starts of windows, milliseconds elsewhere. Every method raises
StoreUnavailable where PostgreSQL does not answer; nothing was written then, or repeating it changes nothing.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from app.cells import MINUTE
from app.log.contract import Log
from app.postgres import translated
from app.stores.aggregates import decisions, flush, groups, groups_sql, ledger, series, timings
from app.stores.aggregates.ranges import cover, sizes_of
from app.stores.aggregates.rows import Connection, read_rows
from app.stores.aggregates.standing import FOR_GOOD, Until
from app.stores.aggregates.types import GroupRow, Point, ReleaseCounts, ReleaseRow, TimingRows, Totals
from app.topics import Source
from tables.fold import Fold, Progress
from tables.windows import Row, WindowKey

if TYPE_CHECKING:
    from app.postgres import Pool

RECENT: Final = 5 * MINUTE
"""Seconds at the end of a range that tell the rate now."""

_NOTICES = """
select id, grp as "group", kind, at, (extract(epoch from created) * 1000)::bigint as created
from notices where project = $1 and created > to_timestamp($2 / 1000.0) order by created, id limit 1000"""


class Aggregates:
    """The store over a pool of connections."""

    def __init__(self, pool: "Pool") -> None:
        """Use this pool, which the caller opens and closes."""
        self._pool = pool

    # Written by rates.

    async def progress(self, topic: str, partition: int) -> dict[Source, Progress]:
        """Give how far each source is counted on a partition of ``deltas`` (topic with generation)."""
        async with self._connection() as connection:
            return await flush.read_progress(connection, topic, partition)

    async def flush(
        self, topic: str, partition: int, fold: Fold, bases: Mapping[WindowKey, Row]
    ) -> dict[WindowKey, Row]:
        """Write what a fold changed, all or nothing, and return its rows as stored. Raises Fenced."""
        async with self._connection() as connection:
            return await flush.flush(connection, topic, partition, fold, bases)

    async def rows(self, keys: Sequence[WindowKey]) -> dict[WindowKey, Row]:
        """Give the rows that exist."""
        async with self._connection() as connection:
            return await read_rows(connection, keys)

    # Read by web.

    async def points(
        self, project: int, size: int, start: int, end: int, *, group: str = "", release: str = ""
    ) -> list[Point]:
        """Give the stored windows of ``size`` that start in [start, end); sessions are None where a group is given."""
        async with self._connection() as connection:
            members = await groups.members_of(connection, _plain(group)) if group else [""]
            found = await series.series(connection, project, members, [_plain(release)], (size, start, end))
            return found[_plain(release)]

    async def release_series(
        self, project: int, releases: Sequence[str], size: int, start: int, end: int
    ) -> dict[str, list[Point]]:
        """Give the stored windows of each release."""
        async with self._connection() as connection:
            names = list(dict.fromkeys(map(_plain, releases)))
            return await series.series(connection, project, [""], names, (size, start, end))

    async def totals(self, project: int, start: int, end: int, *, group: str = "", release: str = "") -> Totals:
        """Sum a range: ``crashes, unhandled, messages, users``, and from sessions (None where a group is given)
        ``sessions, crashed_sessions, errored_sessions, crash_free_sessions, crash_free_users``; ``sizes`` are the
        windows that it was summed from.
        """  # noqa: D205  the summary is a list
        async with self._connection() as connection:
            members = await groups.members_of(connection, _plain(group)) if group else [""]
            return await series.totals(connection, project, members, _plain(release), start, end)

    async def groups(
        self,
        project: int,
        start: int,
        end: int,
        *,
        release: str = "",
        status: str = "",
        sort: groups_sql.Sort = "last_seen",
        limit: int = 50,
        cursor: str = "",
    ) -> tuple[list[GroupRow], str | None, list[int]]:
        """Give one page of the groups that have events in a range, the cursor of the next, the sizes of window used.

        The status ``open`` includes regressed groups. Raises ValueError for a cursor or sort that is none.
        """
        if sort not in groups_sql.SORTS:
            raise ValueError(f"sort {sort!r}; one of {', '.join(groups_sql.SORTS)}")
        pieces = cover(start, end)
        recent, before = cover(max(start, end - RECENT), end), cover(2 * start - end, start)
        asked = groups_sql.Asked(project, pieces, _plain(release), _plain(status), sort, limit, cursor, recent, before)
        async with self._connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            rows, following = await groups.page(connection, asked)
        return rows, following, sizes_of(pieces)

    async def group(self, group_id: str) -> GroupRow | None:
        """Give a group over all its life, or the one that it was merged into; None where there is none."""
        async with self._connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            return await groups.one(connection, _plain(group_id))

    async def group_project(self, group_id: str) -> int | None:
        """Give the project of a group, None where there is none."""
        async with self._connection() as connection:
            found = await connection.fetchval("select project from groups where id = $1", _plain(group_id))
            return None if found is None else int(found)

    async def members(self, group_id: str) -> list[str]:
        """Give the ids whose events belong to a group (or to the one that it was merged into), the root first."""
        async with self._connection() as connection:
            return await groups.members_of(connection, _plain(group_id))

    async def releases(self, project: int, start: int, end: int, only: Sequence[str] | None = None) -> list[ReleaseRow]:
        """Give the releases that have any number in a range, or some of them, the newest first."""
        async with self._connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            return await series.releases(connection, project, start, end, only)

    async def release_counts(self, project: int, start: int, end: int) -> list[ReleaseCounts]:
        """Give the releases that have any number in a range, the newest first; no user is looked at."""
        async with self._connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            return await series.release_counts(connection, project, start, end)

    async def timings(
        self, project: int, start: int, end: int, *, release: str = "", kind: str = "", limit: int = 200
    ) -> TimingRows:
        """Give how long pages and requests took in a range, of all releases or one, of all kinds or one."""
        async with self._connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            return await timings.rows(connection, project, _plain(release), (start, end), kind, limit)

    async def notices(self, project: int, after_created: int) -> list[dict[str, Any]]:
        """Give the notices written after a time (ms), oldest first: ``id, group, kind, at, created``.

        ``created`` is when the writing transaction began: one that took long shows up behind a newer one. Who follows
        looks back some seconds and passes over the ids it has.
        """
        async with self._connection() as connection:
            return [dict(record) for record in await connection.fetch(_NOTICES, project, after_created)]

    async def ledger(
        self,
        start_ms: int,
        end_ms: int,
        projects: Collection[int] | None = None,
        *,
        log: Log | None = None,
        generation: int = 1,
    ) -> list[dict[str, Any]]:
        """Give the ledger's minutes of some projects, or of all, ready for the API. Without a log none is in flight."""
        async with self._connection() as connection:
            return await ledger.minutes(connection, start_ms, end_ms, projects, log, generation)

    # Decided by people.

    async def set_status(self, group_id: str, status: str, now_ms: int, until: Until = FOR_GOOD) -> None:
        """Set a group's status: open, resolved or ignored, until something. Raises UnknownGroup, ValueError."""
        async with self._connection() as connection:
            await decisions.set_status(connection, _plain(group_id), status, now_ms, until)

    async def merge(self, group_id: str, into: str) -> None:
        """Show a group as part of another, now and in future. Raises UnknownGroup, ValueError across projects."""
        async with self._connection() as connection:
            await decisions.merge(connection, _plain(group_id), _plain(into))

    async def unmerge(self, group_id: str) -> None:
        """Take a merged group out again; of a root, take out all that was merged into it."""
        async with self._connection() as connection:
            await decisions.unmerge(connection, _plain(group_id))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with translated("aggregates"):
            async with self._pool.acquire() as connection:
                try:
                    yield connection
                except asyncpg.DataError as error:
                    raise ValueError(f"a value that no column can hold: {error}") from error


def _plain(text: str) -> str:
    """Give a name as it is stored: what PostgreSQL cannot hold was replaced on the way in."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
