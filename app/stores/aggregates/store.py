"""The aggregates store: windows, groups, releases, progress and notices in PostgreSQL, written by rates, read by web.

Every method raises StoreUnavailable while PostgreSQL does not answer; then nothing was written, or repeating the call
changes nothing.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Literal

import asyncpg
import msgspec

from app.log.contract import Log
from app.postgres import storable, translated
from app.stores.aggregates import decisions, flush, groups, kinship, ledger, series, states, timings
from app.stores.aggregates.kinship import Similar
from app.stores.aggregates.rows import Connection, read_rows
from app.stores.aggregates.series import Counted
from app.stores.aggregates.standing import PERMANENT, EndCondition
from app.stores.aggregates.types import (
    EnvironmentCounts,
    GroupPage,
    GroupRow,
    GroupsQuery,
    LedgerMinute,
    LedgerQuery,
    Notice,
    NotKept,
    Point,
    PointsQuery,
    RangeQuery,
    ReleaseCounts,
    ReleaseRow,
    ReleasesQuery,
    TimingRows,
    TimingsQuery,
    Totals,
    TotalsQuery,
)
from app.topics import Source
from tables.fold import Fold, Progress
from tables.windows import Row, WindowKey

if TYPE_CHECKING:
    from app.postgres import Pool

FOLD_SECONDS: Final = 10.0
FOLD_BYTES: Final = 64 << 10
"""Of a partition's hashes that wait for their sketches, at most: a page reads them beside its rows."""

_NOTICES = """
select id, grp as "group", kind, at, (extract(epoch from created) * 1000)::bigint as created
from notices
where project = $1 and created > to_timestamp($2 / 1000.0) and (not pending or created < now() - interval '5 seconds')
order by created, id limit 1000"""


class Aggregates:
    """The store over a pool of connections, which the caller opens and closes."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._pace = flush.Pace(FOLD_SECONDS, FOLD_BYTES)

    # Written by rates.

    async def progress(self, topic: str, partition: int) -> dict[Source, Progress]:
        """Return how far each source is counted on a partition of ``deltas`` (topic with generation)."""
        async with self._connection() as connection:
            return await flush.read_progress(connection, topic, partition)

    async def flush(
        self, topic: str, partition: int, fold: Fold, bases: Mapping[WindowKey, Row]
    ) -> dict[WindowKey, Row]:
        """Write the changes of a fold, all or nothing, and return its rows as stored. Raises Fenced."""
        async with self._connection() as connection:
            return await flush.flush(connection, topic, partition, fold, bases, self._pace)

    async def rows(self, keys: Sequence[WindowKey]) -> dict[WindowKey, Row]:
        """Return the rows that exist, whole."""
        async with self._snapshot() as connection:
            return await read_rows(connection, keys)

    # Read by web.

    async def points(self, query: PointsQuery) -> list[Point]:
        """Return the stored windows that start in the range, in order. Raises ValueError for a group's environment."""
        async with self._snapshot() as connection:
            query = msgspec.structs.replace(query, release=storable(query.release))
            return await series.read_points(connection, query, await self._counted(connection, query))

    async def totals(self, query: TotalsQuery) -> Totals:
        """Sum a range. Raises ValueError for a group's environment."""
        async with self._snapshot() as connection:
            query = msgspec.structs.replace(query, release=storable(query.release))
            return await series.read_totals(connection, query, await self._counted(connection, query))

    async def groups(self, query: GroupsQuery) -> GroupPage:
        """Return one page of groups. Raises ValueError for an unknown sort or a cursor that no page returned."""
        query = msgspec.structs.replace(query, release=storable(query.release), status=storable(query.status))
        async with self._snapshot() as connection:
            return await groups.read_page(connection, query)

    async def group(self, group_id: str) -> GroupRow | None:
        """Return a group over all its life, or the one that it was merged into; None for an unknown id."""
        async with self._snapshot() as connection:
            return await groups.read_group(connection, storable(group_id))

    async def group_project(self, group_id: str) -> int | None:
        """Return the project of a group, None for an unknown id."""
        async with self._connection() as connection:
            project = await connection.fetchval("select project from groups where id = $1", storable(group_id))
            return None if project is None else int(project)

    async def members(self, group_id: str) -> list[str]:
        """Return the ids whose events belong to a group (or to the one that it was merged into), the root first."""
        async with self._connection() as connection:
            return await groups.members_of(connection, storable(group_id))

    async def groups_decided(
        self, project: int, statuses: Sequence[str], start_ms: int, end_ms: int, limit: int
    ) -> list[str]:
        """Return at most ``limit`` groups of these statuses that may have events in the range, members included.

        Open groups, which nobody decided about, are not among them.
        """
        async with self._connection() as connection:
            return await states.read_decided(connection, project, statuses, start_ms, end_ms, limit)

    async def groups_new(self, project: int, start_ms: int, end_ms: int, limit: int) -> list[str]:
        """Return at most ``limit`` groups that were first seen in the range, members included."""
        async with self._connection() as connection:
            return await states.read_new(connection, project, start_ms, end_ms, limit)

    async def releases(self, query: ReleasesQuery) -> list[ReleaseRow]:
        """Return the releases that have any number in a range, the newest first."""
        query = msgspec.structs.replace(query, environment=storable(query.environment))
        async with self._snapshot() as connection:
            return await series.read_releases(connection, query)

    async def release_counts(self, query: ReleasesQuery) -> list[ReleaseCounts]:
        """Return the releases that have any number in a range, the newest first, without counting users."""
        query = msgspec.structs.replace(query, environment=storable(query.environment))
        async with self._snapshot() as connection:
            return await series.read_release_counts(connection, query)

    async def environments(self, query: RangeQuery) -> list[EnvironmentCounts]:
        """Return the environments that have any number in a range, those with the most sessions and crashes first."""
        async with self._connection() as connection:
            return await series.read_environments(connection, query)

    async def timings(self, query: TimingsQuery) -> TimingRows:
        """Return the durations of pages and requests in a range, by name and by kind."""
        async with self._snapshot() as connection:
            return await timings.read_timings(
                connection, msgspec.structs.replace(query, release=storable(query.release))
            )

    async def notices(self, project: int, after_created: int) -> list[Notice]:
        """Return at most 1,000 notices created after a time (ms), oldest first.

        ``created`` is when the writing transaction began, so that a long one appears behind newer notices. A follower
        asks again for the last seconds and skips the ids that it has.
        """
        async with self._connection() as connection:
            return [Notice(**record) for record in await connection.fetch(_NOTICES, project, after_created)]

    async def ledger(self, query: LedgerQuery, *, log: Log | None = None, generation: int = 1) -> list[LedgerMinute]:
        """Return the ledger's minutes. Without a log nothing counts as in flight."""
        async with self._connection() as connection:
            return await ledger.read_ledger(connection, query, log, generation)

    async def not_kept(self, project: int, start: int, end: int) -> list[NotKept]:
        """Return what was received in the minutes of [start, end) (s) and not kept, by kind."""
        async with self._connection() as connection:
            return await ledger.read_not_kept(connection, project, start, end)

    # Decided by people.

    async def set_status(self, group_id: str, status: str, now_ms: int, until: EndCondition = PERMANENT) -> None:
        """Set a group's status: open, resolved or ignored, until a condition. Raises UnknownGroup, ValueError."""
        async with self._connection() as connection:
            await decisions.set_status(connection, storable(group_id), status, now_ms, until)

    async def merge(self, group_id: str, into: str) -> None:
        """Make a group part of another, now and in future. Raises UnknownGroup, ValueError across projects."""
        async with self._connection() as connection:
            await decisions.merge(connection, storable(group_id), storable(into))

    async def unmerge(self, group_id: str) -> None:
        """Detach a merged group for good; of a root, detach all of its members. Raises UnknownGroup."""
        async with self._connection() as connection:
            await decisions.unmerge(connection, storable(group_id))

    async def similar(self, group_id: str) -> list[Similar]:
        """Return what a group is linked with, the strongest first: suggestions, aliases, what is kept apart."""
        async with self._snapshot() as connection:
            return await kinship.similar(connection, storable(group_id))

    async def decide(self, group_id: str, other: str, decision: Literal["merge", "never"]) -> None:
        """Merge another group into a group, or keep both apart for good. Raises UnknownGroup, ValueError."""
        async with self._connection() as connection:
            await decisions.decide(connection, storable(group_id), storable(other), decision)

    @staticmethod
    async def _counted(connection: Connection, query: PointsQuery | TotalsQuery) -> Counted:
        """Return the rows of a group's members, of an environment, or of the project."""
        if not query.group:
            return series.of_environment(storable(query.environment))
        if query.environment:
            raise ValueError("no windows are kept of a group in one environment")
        return Counted("c", await groups.members_of(connection, storable(query.group)))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        with translated("aggregates"):
            async with self._pool.acquire() as connection:
                try:
                    yield connection
                except asyncpg.DataError as error:
                    raise ValueError(f"a value that no column can hold: {error}") from error

    @asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[Connection]:
        """Open a read-only transaction in which all queries see the same rows."""
        async with (
            self._connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection
