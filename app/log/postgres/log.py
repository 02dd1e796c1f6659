"""The log in PostgreSQL (ARCHITECTURE.md, "Stores"): group commit, reads on a pool, tails by NOTIFY."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import asyncpg

from app.log.contract import Bounds, NewRecord, Record, TopicSpec
from app.log.postgres.connect import OPTIONS, translated
from app.log.postgres.disk import DiskGuard
from app.log.postgres.reader import Reader
from app.log.postgres.retention import drop_days, make_days
from app.log.postgres.topics import Catalogue
from app.log.postgres.wake import Notifications, Subscription
from app.log.postgres.writer import Writer

if TYPE_CHECKING:
    from app.postgres import Connection

READ_CONNECTIONS: Final = 4

COMMIT: Final = """
insert into log_commits as c ("group", topic_id, partition, committed)
select $1, t.id, u.partition, u.committed
from log_topics t, unnest($3::int[], $4::bigint[]) as u (partition, committed)
where t.name = $2
order by u.partition
on conflict ("group", topic_id, partition) do update set committed = excluded.committed
where c.committed < excluded.committed or $5"""


async def commit_offsets(
    connection: "Connection", group: str, topic: str, offsets: Mapping[int, int], *, force: bool = False
) -> None:
    """Store by partition the next offset that a group will read; an earlier one only with ``force``.

    Runs on the caller's connection, on which the member's life depends. Raises asyncpg's errors.
    """
    await connection.execute(COMMIT, group, topic, list(offsets), list(offsets.values()), force)


class PostgresLog:
    """``app.log.contract.Log`` over tables of a migrated PostgreSQL database.

    Appends raise LogFull while fewer than ``reserve_bytes`` are free on the disk of ``disk`` (None: no check). While
    the server is away calls raise LogUnavailable; when it is back they work again.
    """

    def __init__(self, url: str, *, reserve_bytes: int = 0, disk: Path | None = None) -> None:
        self._url = url
        self._guard = DiskGuard(disk, reserve_bytes)

    async def open(self) -> None:
        """Prepare the connections, which are made when first used."""
        self._pool = await asyncpg.create_pool(self._url, min_size=0, max_size=READ_CONNECTIONS, **OPTIONS)
        self._topics = Catalogue(self._pool)
        self._notifications = Notifications(self._url)
        self._reader = Reader(self._pool, self._topics, self._notifications)
        self._writer = Writer(self._url, self._topics, self._guard)

    async def close(self) -> None:
        """Commit pending appends, for a bounded time, and close the connections."""
        await self._writer.close()
        await self._notifications.close()
        self._pool.terminate()

    async def __aenter__(self) -> Self:
        """Open."""
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    async def ensure(self, topics: Sequence[TopicSpec]) -> list[str]:
        """Create missing topics and return their names. Raises LogError for one with other partitions or policy."""
        return await self._topics.ensure(topics)

    async def seal(self, topics: Sequence[str]) -> None:
        """Seal topics: every later append raises LogSealed; earlier ones are in the log on return."""
        await self._topics.seal(topics)

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        """Append all records, or none, and return their offsets; durable on return.

        Raises LogUnavailable (the records may be in the log or not), LogFull, LogSealed, LogTooLate, RecordTooLarge,
        and LogError for an unknown topic or partition. The records of a cancelled caller may be in the log.
        """
        return await self._writer.append(records)

    def full(self) -> bool:
        """Return whether an append would raise LogFull by the disk's free bytes, which are read once a second."""
        return self._guard.full()

    async def read(
        self, topic: str, partition: int, offset: int, *, max_records: int = 1000, max_bytes: int = 4 << 20
    ) -> list[Record]:
        """Return records at or after ``offset`` in order, within both limits, but at least one if there is one.

        Offsets of a compacted topic have gaps; a record without value marks the deletion of its key.
        """
        return await self._reader.read(topic, partition, offset, max_records, max_bytes)

    async def bounds(self, topic: str) -> dict[int, Bounds]:
        """Return the bounds of every partition; a later read sees at least the records before the end."""
        return await self._reader.bounds(topic)

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Return by partition the next offset to read that the group committed."""
        return await self._reader.committed(group, topic)

    def tail(self, topic: str, start: Mapping[int, int] | None = None) -> AsyncIterator[list[Record]]:
        """Yield the records appended from the first step of the iteration on, or from the offsets in ``start`` on."""
        return self._reader.tail(topic, start)

    def subscribe(self, topics: Iterable[str]) -> AbstractContextManager[Subscription]:
        """Return the subscription, for a ``with`` block, on which a consumer waits between reads."""
        return self._notifications.subscribe(topics)

    async def wait(self, topic: str, timeout: float) -> bool:  # noqa: ASYNC109  running out is an answer, no error
        """Wait for the next append; False after ``timeout`` s. To miss none between waits, keep a subscription."""
        with self._notifications.subscribe([topic]) as subscription:
            return await subscription.wait(timeout)

    async def retain(self, days: int) -> list[date]:
        """Create the coming days' tables, drop those that are over ``days`` days old, and return the days dropped."""
        with translated():
            async with self._pool.acquire() as connection:
                async with connection.transaction():
                    await make_days(connection)
                async with connection.transaction():
                    return await drop_days(connection, days)
