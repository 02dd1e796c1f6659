"""Reads Kafka without a group: by offset, the bounds of partitions, and as a tail."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from aiokafka.structs import TopicPartition

from app.log.contract import Bounds, LogError, LogUnavailable, Record
from app.log.kafka.address import CONNECT_SECONDS, FETCH_BYTES, STAMP, Address, record_of, translated
from app.log.kafka.topics import Topics

CURSORS: Final = 4
"""Reads at a time; each has its own connection and keeps what was fetched ahead, so that reading on is quick."""

READ_SECONDS: Final = 10.0
SLICE_MS: Final = 50
POLL_MS: Final = 100
"""How long the broker holds a fetch at the end of a partition, and so the next read, which may go elsewhere."""

TAIL_MS: Final = 1000
RETRY_SECONDS: Final = 0.5

log = logging.getLogger(__name__)


def consumer_of(address: Address, **more: Any) -> AIOKafkaConsumer:  # noqa: ANN401  aiokafka's own arguments
    """Make a consumer that goes where it is told and commits nothing by itself."""
    options = {
        **address.options,
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "max_partition_fetch_bytes": FETCH_BYTES,
    }
    return AIOKafkaConsumer(**{**options, **more})


async def started(consumer: AIOKafkaConsumer) -> AIOKafkaConsumer:
    """Connect a consumer. Raises aiokafka's errors, TimeoutError."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await consumer.start()
    except BaseException:
        await consumer.stop()
        raise
    return consumer


class _Cursor:
    """One consumer at one place of one partition."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self.consumer = consumer
        self.where: TopicPartition | None = None
        self.position = 0
        self._over: deque[Any] = deque()
        """What a read took from aiokafka beyond its limit in bytes: the next one begins with it."""

    async def read(self, where: TopicPartition, offset: int, max_records: int, max_bytes: int) -> list[Any]:
        """Give aiokafka's records from an offset on, up to the end or the limits."""
        end = (await self.consumer.end_offsets([where]))[where]
        if offset >= end:
            return []
        self._go(where, offset)
        taken: list[Any] = []
        left = max_bytes
        while self.position < end and len(taken) < max_records:
            if not self._over:
                self._over.extend(await self._more(where, max_records - len(taken)))
            while self._over and len(taken) < max_records:
                left -= _size(self._over[0])
                if left < 0 and taken:
                    self.position = self._over[0].offset
                    return taken
                taken.append(self._over.popleft())
            self.position = self._over[0].offset if self._over else await self.consumer.position(where)
        if self.position >= end:
            self.consumer.pause(where)  # else it would ask the broker again and again for what is to come
        return taken

    def _go(self, where: TopicPartition, offset: int) -> None:
        if self.where != where:
            self.consumer.assign([where])
        if self.where != where or self.position != offset:
            self.consumer.seek(where, offset)
            self._over.clear()
        self.consumer.resume(where)
        self.where, self.position = where, offset

    async def _more(self, where: TopicPartition, count: int) -> list[Any]:
        try:
            found = await self.consumer.getmany(where, timeout_ms=SLICE_MS, max_records=count)
        except OffsetOutOfRangeError:  # retention deleted it
            self.consumer.seek(where, (await self.consumer.beginning_offsets([where]))[where])
            return []
        records: list[Any] = found.get(where, [])
        return records


class Reader:
    """Reads through a few consumers."""

    def __init__(self, address: Address, topics: Topics) -> None:
        """Take where Kafka is and its topics."""
        self._address = address
        self._topics = topics
        self._free: list[_Cursor] = []
        self._turns = asyncio.Semaphore(CURSORS)

    async def close(self) -> None:
        """Let go of the connections."""
        while self._free:
            await self._free.pop().consumer.stop()

    async def read(self, name: str, partition: int, offset: int, max_records: int, max_bytes: int) -> list[Record]:
        """Read records at or after ``offset``, at least one if there is one."""
        where = await self._partition(name, partition)
        async with self._cursor(where, offset) as cursor:
            found = await cursor.read(where, max(offset, 0), max_records, max_bytes)
        return [record_of(name, record) for record in found]

    async def bounds(self, name: str) -> dict[int, Bounds]:
        """Give start and end of every partition."""
        count = (await self._topics.find([name]))[name].partitions
        wanted = [self._address.partition(name, number) for number in range(count)]
        async with self._cursor(None, 0) as cursor:
            starts, ends = await asyncio.gather(
                cursor.consumer.beginning_offsets(wanted), cursor.consumer.end_offsets(wanted)
            )
        return {where.partition: Bounds(starts[where], ends[where]) for where in wanted}

    async def tail(self, name: str, start: Mapping[int, int] | None) -> AsyncIterator[list[Record]]:
        """Yield what comes after ``start`` (else after the first step of the iteration), riding through outages."""
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
        """Yield records from ``position`` on, moving it before each step."""
        consumer = consumer_of(self._address)
        try:
            with translated():
                await started(consumer)
            consumer.assign([self._address.partition(name, number) for number in position])
            for number, offset in position.items():
                consumer.seek(self._address.partition(name, number), offset)
            while True:
                with translated():
                    found = await _next(consumer)
                for where, records in found.items():
                    position[where.partition] = records[-1].offset + 1
                    yield [record_of(name, record) for record in records]
        finally:
            await consumer.stop()

    async def _partition(self, name: str, partition: int) -> TopicPartition:
        count = (await self._topics.find([name]))[name].partitions
        if not 0 <= partition < count:
            raise LogError(f"topic {name} has partitions 0..{count - 1}, not {partition}")
        return self._address.partition(name, partition)

    @asynccontextmanager
    async def _cursor(self, where: TopicPartition | None, offset: int) -> AsyncIterator[_Cursor]:
        """Give a free cursor, the one that stands there already if there is; one that failed is thrown away."""
        async with self._turns:
            with translated():
                async with asyncio.timeout(READ_SECONDS):
                    cursor = self._standing(where, offset) or await self._new()
                    try:
                        yield cursor
                    except BaseException:
                        await cursor.consumer.stop()
                        raise
                    self._free.append(cursor)

    async def _new(self) -> _Cursor:
        return _Cursor(await started(consumer_of(self._address, fetch_max_wait_ms=POLL_MS)))

    def _standing(self, where: TopicPartition | None, offset: int) -> _Cursor | None:
        for place, cursor in enumerate(self._free):
            if cursor.where == where and cursor.position == offset:
                return self._free.pop(place)
        return self._free.pop(0) if self._free else None


async def _next(consumer: AIOKafkaConsumer) -> Mapping[TopicPartition, list[Any]]:
    try:
        found: Mapping[TopicPartition, list[Any]] = await consumer.getmany(timeout_ms=TAIL_MS)
    except OffsetOutOfRangeError as error:  # retention deleted it: go on with what is left
        starts = await consumer.beginning_offsets(list(error.args[0]))
        for where, start in starts.items():
            consumer.seek(where, start)
        return {}
    except KafkaError as error:
        if not error.retriable:
            raise
        log.warning("reading of Kafka failed, trying again: %r", error)
        return {}
    return found


def _size(record: Any) -> int:  # noqa: ANN401  aiokafka publishes no types
    headers = sum(len(name) + len(value) for name, value in record.headers if name != STAMP)
    return len(record.value or b"") + len(record.key or b"") + headers
