"""Reading of Kafka by a Faust consumer: what its own consumer fetched ahead, in batches without a hole."""

import asyncio
import logging
from collections.abc import Mapping
from time import monotonic
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    ConsumerStoppedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from faust.types import TP

from app.log.batch import Batch
from app.log.contract import LogUnavailable, Record
from app.log.kafka.address import record_of
from app.log.kafka.claims import Claims
from app.log.kafka.log import KafkaLog
from app.stream.consumer import ROUND_BATCHES, WAIT_SECONDS, LogBehindCommit, Reading

log = logging.getLogger(__name__)

SLACK_SECONDS: Final = 0.5
"""aiokafka waits without limit while the group decides anew; this much longer than asked for is given up."""


class KafkaReading(Reading):
    """Reads the partitions in ``_assignment``; who owns which is ``transport_kafka``'s part."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  Faust's signature
        """Take what Faust's consumer takes."""
        super().__init__(*args, **kwargs)
        self._kafka: AIOKafkaConsumer | None = None
        self._claims = Claims(self.role.settings.database_url)
        self._names: dict[str, str] = {}
        self._placed: dict[TP, int] = {}
        """By partition our position for which aiokafka stands where the next record is."""

    @property
    def kafka(self) -> AIOKafkaConsumer:
        """The member of the group. Raises RuntimeError before ``subscribe``."""
        if self._kafka is None:
            raise RuntimeError("subscribe comes first")
        return self._kafka

    @property
    def _address(self) -> Any:  # noqa: ANN401  kafka_connect.Address
        records = self.role.log
        if not isinstance(records, KafkaLog):
            raise TypeError("this transport is for a log in Kafka")
        return records.address

    def forget_places(self) -> None:
        """Have every partition sought again before it is read."""
        self._placed.clear()

    async def _now(self) -> int:
        return await self._claims.now()

    async def _fetch(self, active: set[TP]) -> dict[TP, list[Batch]]:
        """Give what aiokafka has fetched, or wait a moment for it."""
        order = sorted(active & self._assignment)
        if not order:
            await asyncio.sleep(SLACK_SECONDS)
            return {}
        batches: dict[TP, list[Batch]] = {}
        try:
            self._place(order)
            found = await self._more(order)
            self._placed |= {tp: records[-1].offset + 1 for tp, records in found.items()}
            for tp, records in found.items():
                batches[tp] = await self._cut(tp, self._position[tp], records)
        except OffsetOutOfRangeError as error:
            return await self._out_of_range([self._ours(where) for where in error.args[0]])
        except NoOffsetForPartitionError:  # a fetch began before the place was sought
            self.forget_places()
        except (IllegalStateError, ConsumerStoppedError):  # the group is deciding anew, or this is the end
            await asyncio.sleep(SLACK_SECONDS)
        return batches | await self._idle([tp for tp in order if tp not in batches])

    def _place(self, order: list[TP]) -> None:
        """Have aiokafka go where we are: after a seek, and where what it gave was thrown away."""
        for tp in order:
            if self._placed.get(tp) != self._position[tp]:
                self.kafka.seek(self._address.partition(tp.topic, tp.partition), self._position[tp])
                self._placed[tp] = self._position[tp]

    async def _more(self, order: list[TP]) -> dict[TP, list[Record]]:
        wanted = [self._address.partition(tp.topic, tp.partition) for tp in order]
        wait = min(WAIT_SECONDS, self.role.idle_seconds)
        try:
            async with asyncio.timeout(wait + SLACK_SECONDS):
                found: Mapping[Any, list[Any]] = await self.kafka.getmany(
                    *wanted, timeout_ms=int(wait * 1000), max_records=ROUND_BATCHES * self.role.settings.batch_records
                )
        except TimeoutError:
            return {}
        except (OffsetOutOfRangeError, NoOffsetForPartitionError, IllegalStateError):
            raise
        except KafkaError as error:
            if error.retriable:
                raise LogUnavailable(f"Kafka: {error!r}") from error
            await self._fatal(error)
        return {
            self._ours(where): [record_of(self._names[where.topic], record) for record in records]
            for where, records in found.items()
        }

    async def _out_of_range(self, partitions: list[TP]) -> dict[TP, list[Batch]]:
        """Go on where retention left the log, or end where it is another log than the one that was committed to."""
        batches: dict[TP, list[Batch]] = {}
        for tp, (start, end) in (await self._look(partitions)).items():
            position = self._position[tp]
            if position > end:
                await self._fatal(LogBehindCommit(f"{tp}: at {position}, the log ends at {end}"))
            if start == end and position < end:
                batches[tp] = await self._all_lost(tp, position)
                self._placed.pop(tp)
            elif position < start:
                self.kafka.seek(self._address.partition(tp.topic, tp.partition), start)
            else:
                self._placed.pop(tp)
        return batches

    async def _idle(self, order: list[TP]) -> dict[TP, list[Batch]]:
        try:
            return await super()._idle(order)
        except LogUnavailable as error:
            # Records flow without the news that others have none; it is only told later.
            log.warning("cannot tell idle partitions for now: %s", error)
            self._quiet_since.update(dict.fromkeys(order, monotonic()))
            return {}

    def _ours(self, where: Any) -> TP:  # noqa: ANN401  aiokafka publishes no types
        return TP(self._names[where.topic], where.partition)
