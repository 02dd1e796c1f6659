"""The peer's transport, as Faust's own are: each record is one event, and sends are buffered by the producer.

Reading and writing cost the peer as little as possible: it reads the log by a thousand records, as it would fetch from
Kafka, and its sends share transactions, as those of a Kafka producer share batches.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from time import time
from typing import ClassVar, Final

from faust.types import TP, HeadersArg, RecordMetadata

from app.log.batch import Batch, size_of
from app.log.contract import NewRecord
from app.stream.postgres import PostgresGroup
from app.stream.producer import Producer
from app.stream.transport import LogTransport
from app.topics import partition_of

IN_FLIGHT: Final = 5000
"""Records that are sent and not yet acknowledged at most."""


class OneByOne(PostgresGroup):
    """Delivers batches of one record."""

    async def fetch(self, order: Sequence[TP]) -> dict[TP, list[Batch]]:
        """Return the records of the next batches, each a batch of its own."""
        return {
            tp: [single for batch in batches for single in _singles(batch)]
            for tp, batches in (await super().fetch(order)).items()
        }


def _singles(batch: Batch) -> list[Batch]:
    return [
        Batch(topic=batch.topic, partition=batch.partition, records=[record], nbytes=size_of(record))
        for record in batch.records
    ]


class Buffering(Producer):
    """Hands records to the log's writer without waiting for them."""

    _free: asyncio.Semaphore | None = None
    _sending: ClassVar[set["asyncio.Task[RecordMetadata]"]] = set()

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: HeadersArg | None,
        *,
        transactional_id: str | None = None,  # noqa: ARG002  Faust's signature
    ) -> Awaitable[RecordMetadata]:
        """Return a future of the durable record; wait only while ``IN_FLIGHT`` records are not acknowledged."""
        if self._free is None:
            self._free = asyncio.Semaphore(IN_FLIGHT)
        await self._free.acquire()
        where = partition if partition is not None else partition_of(key or b"", self.role.settings.partitions)
        record = NewRecord(topic, where, key, value, dict(headers or {}), int((timestamp or time()) * 1000))
        task = asyncio.create_task(self._append(record, self._free))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return task

    async def _append(self, record: NewRecord, free: asyncio.Semaphore) -> RecordMetadata:
        try:
            [offset] = await self.role.log.append([record])
        finally:
            free.release()
        where = TP(record.topic, record.partition)
        return RecordMetadata(record.topic, record.partition, where, offset, record.stamp / 1000, 0)

    def key_partition(self, topic: str, key: bytes) -> TP:
        """Return the partition of a key."""
        return TP(topic, partition_of(key, self.role.settings.partitions))


class Transport(LogTransport):
    """Consumer and producer of the peer."""

    Group: ClassVar[type[PostgresGroup]] = OneByOne
    Producer: ClassVar[type[Producer]] = Buffering
    driver_version = "pglog, record by record"
    default_port = 5432
