"""The log in PostgreSQL (ARCHITECTURE.md, "Stores"): group commit, reads on a pool, tails by NOTIFY."""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Final, Self

from app.log.contract import Bounds, NewRecord, Record, TopicSpec
from app.log.postgres.connect import OPTIONS, translated
from app.log.postgres.disk import DiskGuard
from app.log.postgres.members import MemberConnection
from app.log.postgres.reader import Reader, Round, RoundLimits
from app.log.postgres.retention import drop_days, make_days
from app.log.postgres.topics import Catalogue
from app.log.postgres.wake import Notifications, Subscription
from app.log.postgres.writer import Writer
from app.postgres import make_pool

READ_CONNECTIONS: Final = 4


class PostgresLog:
    """``app.log.contract.Log`` over tables of a migrated PostgreSQL database.

    Appends raise LogFull while fewer than ``reserve_bytes`` are free on the disk of ``disk`` (None: no check). While
    the server is away calls raise LogUnavailable; when it is back they work again. A small append waits ``linger``
    seconds for others to share its transaction.
    """

    atomic: Final = True

    def __init__(self, url: str, *, reserve_bytes: int = 0, disk: Path | None = None, linger: float = 0.0) -> None:
        self._url = url
        self._guard = DiskGuard(disk, reserve_bytes)
        self._linger = linger
        self.members = MemberConnection(url)
        """The memberships of this process's consumer groups."""

    async def open(self) -> None:
        """Prepare the connections, which are made when first used."""
        self._pool = await make_pool(self._url, max_size=READ_CONNECTIONS, **OPTIONS)
        self._topics = Catalogue(self._pool)
        self._notifications = Notifications(self._url)
        self._reader = Reader(self._pool, self._topics, self._notifications)
        self._writer = Writer(self._url, self._topics, self._guard, self._linger)

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

    async def read_round(self, topic: str, positions: Mapping[int, int], limits: RoundLimits) -> Round:
        """Read several partitions from their positions on, in the order of ``positions``, in one query."""
        return await self._reader.read_round(topic, positions, limits)

    async def bounds(self, topic: str) -> dict[int, Bounds]:
        """Return the bounds of every partition; a later read sees at least the records before the end."""
        return await self._reader.bounds(topic)

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Return by partition the next offset to read that the group committed."""
        return await self._reader.committed(group, topic)

    def tail(self, topic: str, start: Mapping[int, int] | None = None) -> AsyncGenerator[list[Record], None]:
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
