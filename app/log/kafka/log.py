"""The log in Kafka (ARCHITECTURE.md, "Stores"): one idempotent producer, reads by offset, tails without a group."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Final, Self

from app.log.contract import Bounds, NewRecord, Record, TopicSpec
from app.log.kafka.address import Address
from app.log.kafka.reader import Reader
from app.log.kafka.topics import Topics
from app.log.kafka.writer import Writer


class KafkaLog:
    """``app.log.contract.Log`` over Kafka 3.7 or newer, at ``kafka://host:9092,…/prefix``.

    Records are kept for ``retention_days``; topics are created with ``replication`` copies (0: 3, or as many as there
    are brokers). While brokers are away calls raise LogUnavailable; when they are back calls work again.

    Raises LogError for a URL that is no such address.
    """

    atomic: Final = False

    def __init__(self, url: str, *, retention_days: int = 7, replication: int = 0) -> None:
        self.address = Address.parse(url)
        self._retention_days = retention_days
        self._replication = replication

    async def open(self) -> None:
        """Prepare the clients; they connect when first used."""
        self._topics = Topics(self.address, self._retention_days, self._replication)
        self._reader = Reader(self.address, self._topics)
        self._writer = Writer(self.address, self._topics)

    async def close(self) -> None:
        """Finish pending appends, for a bounded time, and close the connections."""
        await self._writer.close()
        await self._reader.close()
        await self._topics.close()

    async def __aenter__(self) -> Self:
        """Open."""
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    async def cluster(self) -> str:
        """Return the id of Kafka's cluster: another id is another log."""
        return await self._topics.cluster()

    async def ensure(self, topics: Sequence[TopicSpec]) -> list[str]:
        """Create missing topics and return their names. Raises LogError for one with other partitions or policy."""
        return await self._topics.ensure(topics)

    async def renew(self, topics: Sequence[TopicSpec]) -> list[str]:
        """Apply the present retention and record limit to topics; return the names of those that were changed."""
        return await self._topics.renew(topics)

    async def seal(self, topics: Sequence[str]) -> None:
        """Seal topics: every later append raises LogSealed; earlier ones are in the log on return."""
        await self._topics.seal(topics)

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        """Append records and return their offsets; all are durable (on all replicas in sync) on return.

        After RecordTooLarge, LogTooLate, LogError, and LogSealed that the client knew of, nothing is in the log. After
        LogUnavailable, and LogSealed by a broker, any part is: partitions are written independently of each other.
        Records of a partition keep their order; another caller's may stand between them.
        """
        return await self._writer.append(records)

    def full(self) -> bool:
        """Return False: brokers do not report the free space of their disks."""
        return False

    async def read(
        self, topic: str, partition: int, offset: int, *, max_records: int = 1000, max_bytes: int = 4 << 20
    ) -> list[Record]:
        """Return records at or after ``offset`` in order, within both limits, but at least one if there is one.

        Offsets of a compacted topic have gaps, and older records of a key may still be there.
        """
        return await self._reader.read(topic, partition, offset, max_records, max_bytes)

    async def bounds(self, topic: str) -> dict[int, Bounds]:
        """Return the bounds of every partition; a later read sees at least the records before the end."""
        return await self._reader.bounds(topic)

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Return by partition the next offset to read that the group committed."""
        return await self._topics.committed(group, topic)

    def tail(self, topic: str, start: Mapping[int, int] | None = None) -> AsyncGenerator[list[Record], None]:
        """Yield the records appended from the first step of the iteration on, or from the offsets in ``start`` on."""
        return self._reader.tail(topic, start)
