"""The log in Kafka (DESIGN 5): one idempotent producer, reads by offset, tails without a group."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Self

from app.log.contract import Bounds, NewRecord, Record, TopicSpec
from app.log.kafka.address import Address
from app.log.kafka.reader import Reader
from app.log.kafka.topics import Topics
from app.log.kafka.writer import Writer


class KafkaLog:
    """``app.log.contract.Log`` over Kafka 3.7 or newer.

    Brokers that go away make calls raise LogUnavailable; when they are back, the calls work again.
    """

    def __init__(self, url: str, *, retention_days: int = 7, replication: int = 0) -> None:
        """Take ``kafka://host:9092,…/prefix``, the days kept and the copies of topics that are made (0: up to 3).

        Raises LogError for what is no such address.
        """
        self.address = Address.parse(url)
        self._retention_days = retention_days
        self._replication = replication

    async def open(self) -> None:
        """Get ready; connects when it is first used."""
        self._topics = Topics(self.address, self._retention_days, self._replication)
        self._reader = Reader(self.address, self._topics)
        self._writer = Writer(self.address, self._topics)

    async def close(self) -> None:
        """Deliver what was handed over, for a bounded time, and let go of the connections."""
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
        """Give the name that Kafka gave itself when it was made: another one is another log."""
        return await self._topics.cluster()

    async def ensure(self, topics: Sequence[TopicSpec]) -> list[str]:
        """Make what is missing, give its names. Raises LogError where one exists with other partitions or policy."""
        return await self._topics.ensure(topics)

    async def renew(self, topics: Sequence[TopicSpec]) -> list[str]:
        """Give topics the present retention and limit of messages; gives the names of those that had another."""
        return await self._topics.renew(topics)

    async def seal(self, topics: Sequence[str]) -> None:
        """Make every later append to these topics raise LogSealed; earlier ones are in the log on return."""
        await self._topics.seal(topics)

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        """Append records and give their offsets; all durable (on all replicas in sync) on return.

        What the log can know beforehand (RecordTooLarge, LogError for an unknown topic or partition, LogSealed once
        it was seen) leaves nothing. LogUnavailable, and LogSealed by a broker, leave any part: partitions are written
        independently of each other. Records of a partition keep their order; another's may stand between them.
        """
        return await self._writer.append(records)

    def full(self) -> bool:
        """Give False: brokers do not say how much room their disks have."""
        return False

    async def read(
        self, topic: str, partition: int, offset: int, *, max_records: int = 1000, max_bytes: int = 4 << 20
    ) -> list[Record]:
        """Read records at or after ``offset`` in order, within both limits, but at least one if there is one.

        Offsets of a compacted topic have gaps, and older records of a key may still be there.
        """
        return await self._reader.read(topic, partition, offset, max_records, max_bytes)

    async def bounds(self, topic: str) -> dict[int, Bounds]:
        """Give start and end of every partition; a later read sees at least what is before the end."""
        return await self._reader.bounds(topic)

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Give the next offset to be read by partition, as the group committed it."""
        return await self._topics.committed(group, topic)

    def tail(self, topic: str, start: Mapping[int, int] | None = None) -> AsyncIterator[list[Record]]:
        """Yield what is appended from the first step of the iteration on, or from the offsets of ``start`` on."""
        return self._reader.tail(topic, start)
