"""Appends to the log in PostgreSQL by group commit: all waiting callers share the next transaction.

A small group is one call of the function log_append, a large one a transaction with COPY. Readers are notified in the
same call, at most once in ``NOTIFY_SECONDS``: a transaction that notifies holds up the commits of all others that do.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import asyncpg
import msgspec

from app.log.contract import LogError, LogFull, LogSealed, LogTooLate, LogUnavailable, NewRecord
from app.log.postgres.connect import connect, translated
from app.log.postgres.disk import DiskGuard
from app.log.postgres.retention import make_days
from app.log.postgres.rows import (
    COLUMNS,
    PartitionId,
    Placed,
    Reserved,
    check,
    columns,
    counts,
    deadline_of,
    place,
    refuse_late,
)
from app.log.postgres.topics import Catalogue
from app.log.postgres.wake import CHANNEL, payload
from app.tasks import within

if TYPE_CHECKING:
    from app.postgres import Connection

GROUP_RECORDS: Final = 4000
GROUP_BYTES: Final = 8 << 20
"""A transaction of this size takes some 100 ms on a small machine: a caller waits no longer for others."""

COPY_BYTES: Final = 512 << 10
"""Bytes of a group from which on COPY costs less than the arrays of log_append."""

LINGER_BYTES: Final = 128 << 10
"""Bytes of waiting records from which on a group waits for no others."""

NOTIFY_SECONDS: Final = 0.02

CLOSE_SECONDS: Final = 10.0
COMMIT_SECONDS: Final = 8.0
"""A transaction that takes longer is given up with its connection, whose client would wait for a frozen server without
end; less than the time after which ingest refuses its request."""

CHANGELOG: Final = "-changelog"

SEALED: Final = "FL001"
TOO_LATE: Final = "FL002"
"""The errors of log_append (0015_rounds.sql)."""

APPEND: Final = "select firsts, clock from log_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
CLOCK: Final = "select (extract(epoch from clock_timestamp()) * 1000)::bigint"

DELETE_KEYS: Final = """
delete from log_compacted c using unnest($1::int[], $2::int[], $3::bytea[]) as u (topic_id, partition, key)
where c.topic_id = u.topic_id and c.partition = u.partition and c.key = u.key"""


class AppendRequest(msgspec.Struct, eq=False):
    """The records of one caller; ``done`` gets their offsets."""

    records: Sequence[NewRecord]
    nbytes: int
    done: "asyncio.Future[list[int]]"


class Writer:
    """One connection and one task that commits group after group, in the order of the calls.

    ``linger`` (s) is how long a small group waits for other callers.
    """

    def __init__(self, url: str, topics: Catalogue, guard: DiskGuard, linger: float = 0.0) -> None:
        self._url = url
        self._topics = topics
        self._guard = guard
        self._linger = linger
        self._unnotified: set[str] = set()
        """Topics with appends that readers have not been notified of."""
        self._notified_at = float("-inf")
        self._ahead = 0
        """ms by which the server's clock is ahead of ours: at least so many, as it was read before ours."""
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
        topics = await self._topics.find([record.topic for record in records])
        nbytes = 0
        for record in records:
            nbytes += check(record, topics[record.topic])
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
            if not await self._await_arrival():
                await self._notify()
            while self._waiting:
                if self._linger and self._waiting_bytes() < LINGER_BYTES and not self._closing:
                    await asyncio.sleep(self._linger)
                await self._settle_next()
                if self._unnotified and self._notify_in() <= 0:
                    await self._notify()
        await self._notify()

    async def _await_arrival(self) -> bool:
        """Wait for a request; False where it is time first to notify readers of earlier appends."""
        try:
            async with asyncio.timeout(self._notify_in() if self._unnotified else None):
                await self._arrived.wait()
        except TimeoutError:
            return False
        self._arrived.clear()
        return True

    def _notify_in(self) -> float:
        """Return the seconds until readers may be notified again."""
        return self._notified_at + NOTIFY_SECONDS - time.monotonic()

    def _waiting_bytes(self) -> int:
        return sum(request.nbytes for request in self._waiting)

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

    async def _commit(self, records: Sequence[NewRecord]) -> list[int]:
        """Write records in one transaction and return their offsets."""
        connection = await self._connected()
        try:
            with translated():
                return await within(COMMIT_SECONDS, self._on_a_day(connection, records))
        except (LogUnavailable, LogFull):
            self._drop_connection()
            raise

    async def _on_a_day(self, connection: "Connection", records: Sequence[NewRecord]) -> list[int]:
        """Write records in one transaction, after creating today's table where there is none."""
        try:
            return await self._transact(connection, records)
        except asyncpg.CheckViolationError:  # the last tables were created days ago
            async with connection.transaction():
                await make_days(connection)
            return await self._transact(connection, records)

    async def _transact(self, connection: "Connection", records: Sequence[NewRecord]) -> list[int]:
        topics = await self._topics.find(())
        if sum(len(record.value or b"") for record in records) < COPY_BYTES:
            return await self._call(connection, records)
        async with connection.transaction():
            starts = await self._reserve(connection, counts(records, topics))
            # Checked once the offsets are reserved: the partitions' rows stay locked until the commit, so that a record
            # with a later offset is also checked later.
            refuse_late(records)
            placed = place(records, topics, starts)
            await _write(connection, placed)
        self._unnotified |= _followed(records)
        return placed.offsets

    async def _call(self, connection: "Connection", records: Sequence[NewRecord]) -> list[int]:
        """Append in one call, which is a transaction of its own."""
        topics = await self._topics.find(())
        names = _followed(records)
        arguments, places = columns(records, topics)
        deadline = deadline_of(records)
        due = self._notify_in() <= 0
        notified = self._unnotified | names if due else set[str]()
        try:
            row = await connection.fetchrow(
                APPEND, *arguments, deadline + self._ahead if deadline else None, payload(notified) if notified else ""
            )
        except asyncpg.PostgresError as error:
            self._raise_own(error)
            raise
        if row is None:
            raise LogError("log_append returned nothing")
        self._set_clock(row["clock"])
        if due:
            self._unnotified, self._notified_at = set(), time.monotonic()
        else:
            self._unnotified |= names
        firsts = row["firsts"]
        return [firsts[slot] + nth for slot, nth in places]

    def _raise_own(self, error: asyncpg.PostgresError) -> None:
        """Raise the log's error for one of log_append's own; return for any other."""
        if error.sqlstate == SEALED:
            self._topics.mark_sealed(map(int, (error.detail or "").split(",")))
            raise LogSealed("a topic of this append is sealed") from error
        if error.sqlstate == TOO_LATE:
            raise LogTooLate("a record was not appended before its deadline") from error

    def _set_clock(self, server: int) -> None:
        self._ahead = server - time.time_ns() // 1_000_000

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
            with translated():
                self._set_clock(await self._connection.fetchval(CLOCK))
        return self._connection

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _notify(self) -> None:
        """Notify readers of appends that no call has notified them of."""
        names, self._unnotified = self._unnotified, set()
        if not names or self._connection is None:
            return
        try:
            with translated():
                await self._connection.execute("select pg_notify($1, $2)", CHANNEL, payload(names))
        except LogError:  # readers poll by themselves
            self._drop_connection()
        self._notified_at = time.monotonic()


def _followed(records: Sequence[NewRecord]) -> set[str]:
    """Return the topics of records of which readers are notified: nobody waits for a table's changelog."""
    return {record.topic for record in records if not record.topic.endswith(CHANGELOG)}


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
