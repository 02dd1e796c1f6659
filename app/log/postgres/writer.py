"""Appends to the log in PostgreSQL by group commit: all waiting callers share the next transaction."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import asyncpg
import msgspec

from app.log.contract import LogError, LogFull, LogSealed, LogUnavailable, NewRecord
from app.log.postgres.connect import connect, translated
from app.log.postgres.disk import DiskGuard
from app.log.postgres.retention import make_days
from app.log.postgres.rows import COLUMNS, PartitionId, Placed, Reserved, check, counts, place, refuse_late
from app.log.postgres.topics import Catalogue
from app.log.postgres.wake import CHANNEL, payload
from app.tasks import within

if TYPE_CHECKING:
    from app.postgres import Connection

GROUP_RECORDS: Final = 4000
GROUP_BYTES: Final = 8 << 20
"""A transaction of this size takes some 100 ms on a small machine: a caller waits no longer for others."""

CLOSE_SECONDS: Final = 10.0
COMMIT_SECONDS: Final = 8.0
"""A transaction that takes longer is given up with its connection, whose client would wait for a frozen server without
end; less than the time after which ingest refuses its request."""

DELETE_KEYS: Final = """
delete from log_compacted c using unnest($1::int[], $2::int[], $3::bytea[]) as u (topic_id, partition, key)
where c.topic_id = u.topic_id and c.partition = u.partition and c.key = u.key"""


class AppendRequest(msgspec.Struct, eq=False):
    """The records of one caller; ``done`` gets their offsets."""

    records: Sequence[NewRecord]
    nbytes: int
    done: "asyncio.Future[list[int]]"


class Writer:
    """One connection and one task that commits group after group, in the order of the calls."""

    def __init__(self, url: str, topics: Catalogue, guard: DiskGuard) -> None:
        self._url = url
        self._topics = topics
        self._guard = guard
        self._waiting: deque[AppendRequest] = deque()
        self._arrived = asyncio.Event()
        self._closing = False
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        """Append all records or none; durable on return."""
        if not records:
            return []
        self._guard.check()
        topics = await self._topics.find({record.topic for record in records})
        nbytes = sum(check(record, topics[record.topic]) for record in records)
        if self._closing:
            raise LogUnavailable("the log is closed")
        request = AppendRequest(records, nbytes, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._arrived.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="log writer")
        return await request.done

    async def close(self) -> None:
        """Commit the waiting appends, for a bounded time, and close the connection."""
        self._closing = True
        self._arrived.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=CLOSE_SECONDS)
            self._task.cancel()
        _fail(self._waiting, LogUnavailable("the log is closed"))
        self._drop_connection()

    async def _run(self) -> None:
        while not (self._closing and not self._waiting):
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._settle_next()

    async def _settle_next(self) -> None:
        """Settle one group, in a frame of its own: afterwards nothing keeps its records, up to 8 MiB, in memory."""
        group = self._take()
        try:
            await self._settle(group)
        except BaseException:
            _fail(group, LogUnavailable("the log's writer has stopped"))
            raise

    def _take(self) -> list[AppendRequest]:
        """Remove and return the next requests that fit one transaction; cancelled ones are dropped."""
        group: list[AppendRequest] = []
        count = nbytes = 0
        while self._waiting:
            request = self._waiting[0]
            count += len(request.records)
            nbytes += request.nbytes
            if group and (count > GROUP_RECORDS or nbytes > GROUP_BYTES):
                break
            self._waiting.popleft()
            if not request.done.done():
                group.append(request)
        return group

    async def _settle(self, group: list[AppendRequest]) -> None:
        """Commit a group and answer its callers; where the server refuses it, commit each caller's records alone."""
        if not group:
            return
        try:
            offsets = await self._commit([record for request in group for record in request.records])
        except (LogUnavailable, LogFull) as error:
            _fail(group, error)
        except LogError as error:
            if len(group) == 1:
                _fail(group, error)
                return
            for request in group:
                await self._settle([request])
        else:
            _answer(group, offsets)
            await self._notify(group)

    async def _commit(self, records: Sequence[NewRecord]) -> list[int]:
        """Write records in one transaction and return their offsets."""
        connection = await self._connected()
        try:
            with translated():
                try:
                    return await within(COMMIT_SECONDS, self._transact(connection, records))
                except asyncpg.CheckViolationError:  # no table for today: the last ones were created days ago
                    async with connection.transaction():
                        await make_days(connection)
                    return await self._transact(connection, records)
        except (LogUnavailable, LogFull):
            self._drop_connection()
            raise

    async def _transact(self, connection: "Connection", records: Sequence[NewRecord]) -> list[int]:
        topics = await self._topics.find(())
        async with connection.transaction():
            starts = await self._reserve(connection, counts(records, topics))
            # Checked once the offsets are reserved: the partitions' rows stay locked until the commit, so that a record
            # with a later offset is also checked later.
            refuse_late(records)
            placed = place(records, topics, starts)
            await _write(connection, placed)
        return placed.offsets

    async def _reserve(self, connection: "Connection", wanted: dict[PartitionId, int]) -> dict[PartitionId, Reserved]:
        rows = await connection.fetch(
            "select topic_id, partition, first, appended, sealed from log_reserve($1, $2, $3)",
            [where.topic_id for where in wanted],
            [where.partition for where in wanted],
            list(wanted.values()),
        )
        sealed = {row["topic_id"] for row in rows if row["sealed"]}
        if sealed:
            self._topics.mark_sealed(sealed)
            raise LogSealed("a topic of this append is sealed")
        return {PartitionId(row["topic_id"], row["partition"]): Reserved(row["first"], row["appended"]) for row in rows}

    async def _connected(self) -> "Connection":
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._url)
        return self._connection

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _notify(self, group: Sequence[AppendRequest]) -> None:
        """Notify readers after the commit: inside the transaction that would serialise the commits of all writers."""
        connection = self._connection
        if connection is None:
            return
        names = {record.topic for request in group for record in request.records}
        try:
            with translated():
                await connection.execute("select pg_notify($1, $2)", CHANNEL, payload(names))
        except LogError:  # readers poll every second by themselves
            self._drop_connection()


async def _write(connection: "Connection", placed: Placed) -> None:
    if placed.kept:
        await connection.copy_records_to_table("log_records", records=placed.kept, columns=COLUMNS)
    if placed.compacted:
        topic_ids, partitions, _, _, _, keys, _, _ = zip(*placed.compacted, strict=True)
        await connection.execute(DELETE_KEYS, topic_ids, partitions, keys)
        await connection.copy_records_to_table("log_compacted", records=placed.compacted, columns=COLUMNS)


def _answer(group: Sequence[AppendRequest], offsets: list[int]) -> None:
    first = 0
    for request in group:
        following = first + len(request.records)
        if not request.done.done():
            request.done.set_result(offsets[first:following])
        first = following


def _fail(requests: Sequence[AppendRequest], error: LogError) -> None:
    """Raise an error of its own in each caller: a shared one would collect the traces of all."""
    for request in requests:
        if not request.done.done():
            request.done.set_exception(type(error)(str(error)))
