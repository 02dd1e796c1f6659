"""Reads Kafka for a Faust consumer: what the group's own aiokafka consumer fetched ahead, as batches without a gap."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    ConsumerStoppedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from faust.types import TP

from app.errors import FatalError
from app.log.batch import Batch
from app.log.contract import LogUnavailable, Record
from app.log.kafka.address import Address, record_of
from app.stream.consumer import ROUND_BATCHES
from app.stream.cursors import Cursors, LogBehindCommit

FETCH_SECONDS: Final = 1.0
"""How long a fetch waits for records; a rebalance and a stop wait for it."""

SLACK_SECONDS: Final = 0.5
"""aiokafka waits without limit while the group rebalances; a fetch that takes this much longer than asked is ended."""


class KafkaRefused(FatalError):
    """Kafka refuses to send records by an error that no retry helps."""

    code: ClassVar[str] = "kafka_refused"


class KafkaFetcher:
    """Reads the assigned partitions through the consumer that is the member of the group.

    ``names`` maps Kafka's names of topics to ours; ``now`` returns the time in ms of the clock that all workers share.
    """

    def __init__(
        self,
        kafka: AIOKafkaConsumer,
        cursors: Cursors,
        address: Address,
        names: Mapping[str, str],
        now: Callable[[], Awaitable[int]],
    ) -> None:
        self._kafka = kafka
        self._cursors = cursors
        self._address = address
        self._names = names
        self._now = now
        self._sought: dict[TP, int] = {}
        """By partition the position of ours to which aiokafka's position corresponds."""

    def forget_positions(self) -> None:
        """Seek every partition again before it is read."""
        self._sought.clear()

    async def fetch(self, order: Sequence[TP]) -> dict[TP, list[Batch]]:
        """Return what aiokafka has fetched, or wait a moment for it. Raises LogUnavailable, FatalError."""
        batches: dict[TP, list[Batch]] = {}
        if not order:
            await asyncio.sleep(SLACK_SECONDS)
            return batches
        try:
            self._seek(order)
            fetched = await self._getmany(order)
            self._sought |= {tp: records[-1].offset + 1 for tp, records in fetched.items()}
            for tp, records in fetched.items():
                batches[tp] = await self._cursors.cut(tp, records)
        except OffsetOutOfRangeError as error:
            return await self._out_of_range([self._ours(where) for where in error.args[0]])
        except NoOffsetForPartitionError:  # a fetch began before the partition was sought
            self.forget_positions()
        except (IllegalStateError, ConsumerStoppedError):  # the group rebalances, or the process stops
            await asyncio.sleep(SLACK_SECONDS)
        return batches

    def _seek(self, order: Sequence[TP]) -> None:
        """Move aiokafka to our positions: after a seek, and where records that it returned were dropped."""
        for tp in order:
            position = self._cursors.position[tp]
            if self._sought.get(tp) != position:
                self._kafka.seek(self._address.partition(tp.topic, tp.partition), position)
                self._sought[tp] = position

    async def _getmany(self, order: Sequence[TP]) -> dict[TP, list[Record]]:
        partitions = [self._address.partition(tp.topic, tp.partition) for tp in order]
        role = self._cursors.role
        seconds = min(FETCH_SECONDS, role.idle_seconds)
        try:
            async with asyncio.timeout(seconds + SLACK_SECONDS):
                fetched: Mapping[Any, list[Any]] = await self._kafka.getmany(
                    *partitions, timeout_ms=int(seconds * 1000), max_records=ROUND_BATCHES * role.settings.batch_records
                )
        except TimeoutError:
            return {}
        except (OffsetOutOfRangeError, NoOffsetForPartitionError, IllegalStateError):
            raise
        except KafkaError as error:
            if error.retriable:
                raise LogUnavailable(f"Kafka: {error!r}") from error
            raise KafkaRefused(f"{type(error).__name__}: {error}") from error
        return {
            self._ours(where): [record_of(self._names[where.topic], record) for record in records]
            for where, records in fetched.items()
        }

    async def _out_of_range(self, partitions: list[TP]) -> dict[TP, list[Batch]]:
        """Go on at the log's start, which retention moved. Raises LogBehindCommit for a position past its end."""
        batches: dict[TP, list[Batch]] = {}
        for tp, (start, end) in (await self._cursors.refresh(partitions)).items():
            position = self._cursors.position[tp]
            if position > end:
                raise LogBehindCommit(tp, position, end)
            if start == end and position < end:
                batches[tp] = await self._cursors.all_lost(tp, self._now)
                self._sought.pop(tp)
            elif position < start:
                # Our own position stays: the next records show how many were lost before them.
                self._kafka.seek(self._address.partition(tp.topic, tp.partition), start)
            else:
                self._sought.pop(tp)
        return batches

    def _ours(self, where: Any) -> TP:  # noqa: ANN401  aiokafka publishes no types
        return TP(self._names[where.topic], where.partition)
