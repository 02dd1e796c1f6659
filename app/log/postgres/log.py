"""The log in PostgreSQL (DESIGN 5): group commit on one connection, reads on a pool, tails woken by NOTIFY."""

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
from app.log.postgres.wake import Wake, Watch
from app.log.postgres.writer import Writer

if TYPE_CHECKING:
    from app.log.postgres.connect import Connection

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
    """Store, by partition, the next offset that a group will read; never an earlier one, unless ``force``.

    On the caller's connection, whose life is the member's: its errors are asyncpg's own.
    """
    await connection.execute(COMMIT, group, topic, list(offsets), list(offsets.values()), force)


class PostgresLog:
    """``app.log.contract.Log`` over tables of a PostgreSQL that was migrated.

    A server that goes away makes calls raise LogUnavailable; when it is back they work again.
    """

    def __init__(self, url: str, *, reserve_bytes: int = 0, disk: Path | None = None) -> None:
        """Take the database's URL; appends raise LogFull while fewer than ``reserve_bytes`` are free on ``disk``."""
        self._url = url
        self._guard = DiskGuard(disk, reserve_bytes)

    async def open(self) -> None:
        """Get ready; connects when it is first used."""
        self._pool = await asyncpg.create_pool(self._url, min_size=0, max_size=READ_CONNECTIONS, **OPTIONS)
        self._topics = Catalogue(self._pool)
        self._wake = Wake(self._url)
        self._reader = Reader(self._pool, self._topics, self._wake)
        self._writer = Writer(self._url, self._topics, self._guard)

    async def close(self) -> None:
        """Commit what was handed over, for a bounded time, and let go of the connections."""
        await self._writer.close()
        await self._wake.close()
        self._pool.terminate()

    async def __aenter__(self) -> Self:
        """Open."""
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    async def ensure(self, topics: Sequence[TopicSpec]) -> list[str]:
        """Make what is missing, give its names. Raises LogError where one exists with other partitions or policy."""
        return await self._topics.ensure(topics)

    async def seal(self, topics: Sequence[str]) -> None:
        """Make every later append to these topics raise LogSealed; earlier ones are in the log on return."""
        await self._topics.seal(topics)

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        """Append all records, or none, and give their offsets; durable on return.

        Raises LogUnavailable (whether it is in the log is then unknown), LogFull, LogSealed, RecordTooLarge, and
        LogError for an unknown topic or partition. A caller who is cancelled may find its records in the log.
        """
        return await self._writer.append(records)

    def full(self) -> bool:
        """Tell whether an append would raise LogFull, as far as the disk's free bytes say; looked at once a second."""
        return self._guard.full()

    async def read(
        self, topic: str, partition: int, offset: int, *, max_records: int = 1000, max_bytes: int = 4 << 20
    ) -> list[Record]:
        """Read records at or after ``offset`` in order, within both limits, but at least one if there is one.

        Offsets of a compacted topic have gaps; a record without value says that its key was deleted.
        """
        return await self._reader.read(topic, partition, offset, max_records, max_bytes)

    async def bounds(self, topic: str) -> dict[int, Bounds]:
        """Give start and end of every partition; a later read sees at least what is before the end."""
        return await self._reader.bounds(topic)

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Give the next offset to be read by partition, as the group committed it."""
        return await self._reader.committed(group, topic)

    def tail(self, topic: str, start: Mapping[int, int] | None = None) -> AsyncIterator[list[Record]]:
        """Yield what is appended from the first step of the iteration on, or from the offsets of ``start`` on."""
        return self._reader.tail(topic, start)

    def watch(self, topics: Iterable[str]) -> AbstractContextManager[Watch]:
        """Give, for a ``with`` block, what a consumer waits on between reads without missing an append."""
        return self._wake.watch(topics)

    async def wait(self, topic: str, timeout: float) -> bool:  # noqa: ASYNC109  running out is an answer, no error
        """Wait for an append that comes from now on; False after ``timeout`` s. To miss none, keep a ``watch``."""
        with self._wake.watch([topic]) as watch:
            return await watch.wait(timeout)

    async def retain(self, days: int) -> list[date]:
        """Make the coming days' tables and drop those that are over ``days`` days old; gives the days dropped."""
        with translated():
            async with self._pool.acquire() as connection:
                async with connection.transaction():
                    await make_days(connection)
                async with connection.transaction():
                    return await drop_days(connection, days)
