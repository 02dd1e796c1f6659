"""Reads Kafka without a group: records by offset, the bounds of partitions, tails."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from aiokafka.structs import TopicPartition

from app.log.contract import Bounds, LogError, LogUnavailable, Record
from app.log.kafka.address import CONNECT_SECONDS, FETCH_BYTES, STAMP, Address, record_of, translated
from app.log.kafka.topics import Topics

CURSORS: Final = 4
"""Concurrent reads; each has its own connection and keeps what it fetched ahead, so that reading on is quick."""

READ_SECONDS: Final = 10.0
SLICE_MS: Final = 50
POLL_MS: Final = 100
"""How long a broker holds a fetch at the end of a partition, which also delays a next read elsewhere."""

TAIL_MS: Final = 1000
RETRY_SECONDS: Final = 0.5

log = logging.getLogger(__name__)


def consumer_of(address: Address, **more: Any) -> AIOKafkaConsumer:  # noqa: ANN401  aiokafka's own arguments
    """Return a consumer that reads where it is sought and commits nothing by itself."""
    options = {
        **address.options,
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "max_partition_fetch_bytes": FETCH_BYTES,
    }
    return AIOKafkaConsumer(**{**options, **more})


async def started(consumer: AIOKafkaConsumer) -> AIOKafkaConsumer:
    """Connect a consumer and return it. Raises aiokafka's errors, TimeoutError."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await consumer.start()
    except BaseException:
        await consumer.stop()
        raise
    return consumer


class _Cursor:
    """One consumer at one position of one partition."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self.consumer = consumer
        self.where: TopicPartition | None = None
        self.position = 0
        self._surplus: deque[Any] = deque()
        """Records that a read took from aiokafka beyond its limit in bytes: the next read begins with them."""

    async def read(self, where: TopicPartition, offset: int, max_records: int, max_bytes: int) -> list[Any]:
        """Return aiokafka's records from an offset on, up to the end of the partition or the limits."""
        end = (await self.consumer.end_offsets([where]))[where]
        if offset >= end:
            return []
        self._seek(where, offset)
        taken: list[Any] = []
        left = max_bytes
        while self.position < end and len(taken) < max_records:
            if not self._surplus:
                self._surplus.extend(await self._more(where, max_records - len(taken)))
            while self._surplus and len(taken) < max_records:
                left -= _size(self._surplus[0])
                if left < 0 and taken:
                    self.position = self._surplus[0].offset
                    return taken
                taken.append(self._surplus.popleft())
            self.position = self._surplus[0].offset if self._surplus else await self.consumer.position(where)
        if self.position >= end:
            self.consumer.pause(where)  # else it would poll the broker for records to come
        return taken

    def _seek(self, where: TopicPartition, offset: int) -> None:
        if self.where != where:
            self.consumer.assign([where])
        if self.where != where or self.position != offset:
            self.consumer.seek(where, offset)
            self._surplus.clear()
        self.consumer.resume(where)
        self.where, self.position = where, offset

    async def _more(self, where: TopicPartition, count: int) -> list[Any]:
        try:
            fetched = await self.consumer.getmany(where, timeout_ms=SLICE_MS, max_records=count)
        except OffsetOutOfRangeError:  # retention deleted the offset
            self.consumer.seek(where, (await self.consumer.beginning_offsets([where]))[where])
            return []
        records: list[Any] = fetched.get(where, [])
        return records


class Reader:
    """Reads through a pool of at most ``CURSORS`` consumers."""

    def __init__(self, address: Address, topics: Topics) -> None:
        self._address = address
        self._topics = topics
        self._free: list[_Cursor] = []
        self._turns = asyncio.Semaphore(CURSORS)

    async def close(self) -> None:
        """Close the connections."""
        while self._free:
            await self._free.pop().consumer.stop()

    async def read(self, name: str, partition: int, offset: int, max_records: int, max_bytes: int) -> list[Record]:
        """Return records at or after ``offset``, at least one if there is one."""
        where = await self._partition(name, partition)
        async with self._cursor(where, offset) as cursor:
            fetched = await cursor.read(where, max(offset, 0), max_records, max_bytes)
        return [record_of(name, record) for record in fetched]

    async def bounds(self, name: str) -> dict[int, Bounds]:
        """Return the bounds of every partition."""
        count = (await self._topics.find([name]))[name].partitions
        wanted = [self._address.partition(name, number) for number in range(count)]
        async with self._cursor(None, 0) as cursor:
            starts, ends = await asyncio.gather(
                cursor.consumer.beginning_offsets(wanted), cursor.consumer.end_offsets(wanted)
            )
        return {where.partition: Bounds(starts[where], ends[where]) for where in wanted}

    async def tail(self, name: str, start: Mapping[int, int] | None) -> AsyncGenerator[list[Record], None]:
        """Yield the records after ``start`` (else after the first step of the iteration); outages only delay it."""
        position = dict(start) if start is not None else None
        while True:
            try:
                bounds = await self.bounds(name)
                if position is None:
                    position = {number: at.end for number, at in bounds.items()}
                position = {number: position.get(number, 0) for number in bounds}
                async for records in self._follow(name, position):
                    yield records
            except LogUnavailable as error:
                log.warning("cannot follow %s for now: %s", name, error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self, name: str, position: dict[int, int]) -> AsyncIterator[list[Record]]:
        """Yield records from ``position`` on, which moves before each step."""
        consumer = consumer_of(self._address)
        try:
            with translated():
                await started(consumer)
            consumer.assign([self._address.partition(name, number) for number in position])
            for number, offset in position.items():
                consumer.seek(self._address.partition(name, number), offset)
            while True:
                with translated():
                    fetched = await _next(consumer)
                for where, records in fetched.items():
                    position[where.partition] = records[-1].offset + 1
                    yield [record_of(name, record) for record in records]
        finally:
            await consumer.stop()

    async def _partition(self, name: str, partition: int) -> TopicPartition:
        count = (await self._topics.find([name]))[name].partitions
        if not 0 <= partition < count:
            raise LogError(f"topic {name} has partitions 0-{count - 1}, not {partition}")
        return self._address.partition(name, partition)

    @asynccontextmanager
    async def _cursor(self, where: TopicPartition | None, offset: int) -> AsyncIterator[_Cursor]:
        """Yield a free cursor, one at that position if there is; a cursor that failed is closed."""
        async with self._turns:
            with translated():
                async with asyncio.timeout(READ_SECONDS):
                    cursor = self._free_at(where, offset) or await self._new()
                    try:
                        yield cursor
                    except BaseException:
                        await cursor.consumer.stop()
                        raise
                    self._free.append(cursor)

    async def _new(self) -> _Cursor:
        return _Cursor(await started(consumer_of(self._address, fetch_max_wait_ms=POLL_MS)))

    def _free_at(self, where: TopicPartition | None, offset: int) -> _Cursor | None:
        for place, cursor in enumerate(self._free):
            if cursor.where == where and cursor.position == offset:
                return self._free.pop(place)
        return self._free.pop(0) if self._free else None


async def _next(consumer: AIOKafkaConsumer) -> Mapping[TopicPartition, list[Any]]:
    try:
        fetched: Mapping[TopicPartition, list[Any]] = await consumer.getmany(timeout_ms=TAIL_MS)
    except OffsetOutOfRangeError as error:  # retention deleted the offsets: go on at the start
        starts = await consumer.beginning_offsets(list(error.args[0]))
        for where, start in starts.items():
            consumer.seek(where, start)
        return {}
    except KafkaError as error:
        if not error.retriable:
            raise
        log.warning("reading of Kafka failed, trying again: %r", error)
        return {}
    return fetched


def _size(record: Any) -> int:  # noqa: ANN401  aiokafka publishes no types
    headers = sum(len(name) + len(value) for name, value in record.headers if name != STAMP)
    return len(record.value or b"") + len(record.key or b"") + headers
