"""Appends to Kafka: one idempotent producer for all callers, replaced whenever it failed to deliver in time."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError

from app.log.contract import LogError, LogSealed, LogUnavailable, NewRecord, RecordTooLarge
from app.log.kafka.address import BATCH_BYTES, LARGEST_BATCH, STAMP, Address, translated
from app.log.kafka.topics import Topics
from app.log.postgres.rows import check, refuse_late

APPEND_SECONDS: Final = 10.0
"""Well below the 60 s by which a record's received time may be older than its append (EXACTNESS.md, "Identity")."""

CLOSE_SECONDS: Final = 10.0
ABANDON_SECONDS: Final = 1.0
LINGER_MS: Final = 1

log = logging.getLogger(__name__)


class Writer:
    """Sends the records of all callers; each batch of a partition follows the one before it."""

    def __init__(self, address: Address, topics: Topics) -> None:
        self._address = address
        self._topics = topics
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._pending: set[asyncio.Future[Any]] = set()
        self._closed = False

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        """Append records and return their offsets; see ``KafkaLog.append``."""
        if not records:
            return []
        if self._closed:
            raise LogUnavailable("the log is closed")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.add(done)
        try:
            names = {record.topic for record in records}
            topics = await self._topics.find(names)
            for record in records:
                check(record, topics[record.topic])
                if record.key is None and record.value is None:
                    raise LogError("a record needs a key or a value")
            refuse_late(records)
            try:
                return await self._send(records)
            except RecordTooLarge:
                for name in names:
                    if await self._topics.sealed([name]):
                        raise LogSealed(f"topic {name} is sealed") from None
                raise
        finally:
            self._pending.discard(done)
            done.set_result(None)

    async def close(self) -> None:
        """Finish the pending appends, for a bounded time, and close the connections."""
        self._closed = True
        if self._pending:
            await asyncio.wait(self._pending, timeout=CLOSE_SECONDS)
        producer, self._producer = self._producer, None
        if producer is not None:
            await _abandon(producer)

    async def _send(self, records: Sequence[NewRecord]) -> list[int]:
        producer: AIOKafkaProducer | None = None
        with translated():
            try:
                async with asyncio.timeout(APPEND_SECONDS):
                    producer = await self._started()
                    futures = [await self._hand_over(producer, record) for record in records]
                    # A caller that gives up must not cancel what may be in the log.
                    await asyncio.wait(futures)
                    offsets = [future.result().offset for future in futures]
            except (TypeError, ValueError, AttributeError, asyncio.CancelledError):
                raise
            except BaseException:
                # The producer would go on trying, and what it delivered in the end would be older than its stamp says;
                # and after a refusal its sequence numbers no longer fit. A new producer starts without either.
                await self._give_up(producer)
                raise
        if min(offsets) < 0:
            raise LogUnavailable("Kafka holds these records already, but does not report their offsets")
        return offsets

    async def _hand_over(self, producer: AIOKafkaProducer, record: NewRecord) -> "asyncio.Future[Any]":
        headers = [*record.headers.items(), (STAMP, b"%d" % record.stamp)]
        future: asyncio.Future[Any] = await producer.send(
            self._address.name(record.topic), record.value, record.key, record.partition, headers=headers
        )
        future.add_done_callback(_retrieve)
        return future

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._address.options,
                    acks="all",
                    enable_idempotence=True,
                    compression_type="zstd",
                    linger_ms=LINGER_MS,
                    max_batch_size=BATCH_BYTES,
                    max_request_size=LARGEST_BATCH,
                )
                try:
                    await producer.start()
                except BaseException:
                    await _abandon(producer)
                    raise
                self._producer = producer
            return self._producer

    async def _give_up(self, producer: AIOKafkaProducer | None) -> None:
        if producer is not None and self._producer is producer:
            self._producer = None
            await _abandon(producer)


def _retrieve(future: "asyncio.Future[Any]") -> None:
    """Retrieve the outcome, so that asyncio does not warn where the caller has given up before."""
    if not future.cancelled():
        future.exception()


async def _abandon(producer: AIOKafkaProducer) -> None:
    """Stop a producer without waiting for undelivered records; their callers get KafkaTimeoutError."""
    # Its own stop() waits for the delivery of everything; there is no public way to end the sender before.
    producer._message_accumulator.fail_all(KafkaTimeoutError("the producer was stopped before it delivered the record"))  # noqa: SLF001  see above
    await producer.client.close()
    sending = producer._sender.sender_task  # noqa: SLF001  see above
    if sending is not None:
        sending.cancel()
        # Its pending requests may end in any way: all their records have failed already.
        await asyncio.wait([sending], timeout=ABANDON_SECONDS)
    producer._closed = True  # noqa: SLF001  else aiokafka warns that it was not stopped
