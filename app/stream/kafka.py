"""The Faust transport over Kafka: ``kafkab://`` (entry point ``faust.transports``)."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Final

from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from faust.transport.base import Transport as Base
from faust.types import TP

from app.log.contract import LogUnavailable
from app.log.kafka.address import translated
from app.log.kafka.commits import NOBODY, MovedOn, commit, member_of
from app.log.kafka.reader import consumer_of, started
from app.stream.batching import fatal
from app.stream.kafka_fetch import KafkaReading
from app.stream.producer import Producer

HEARTBEATS: Final = 5
"""Signs of life that a session must miss to end."""

REBALANCE_MS: Final = 30_000
"""How long the group waits for a member that drains its batches."""

REQUEST_MS: Final = REBALANCE_MS + 5000
"""The request to join is answered when all members have come, and a second one would be of another member."""

FOR_EVER_MS: Final = 2**31 - 1
"""A member whose sink is down takes no records for as long as that lasts; its heartbeats say that it lives."""

COMMIT_SECONDS: Final = 5.0
SETTLE_SECONDS: Final = 5.0
STOP_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 0.5

log = logging.getLogger(__name__)


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka publishes no types
    """Tells the consumer what the group decided. aiokafka only logs what these raise."""

    def __init__(self, consumer: "Consumer") -> None:
        """Take who is told."""
        self._consumer = consumer

    async def on_partitions_revoked(self, _: Iterable[TopicPartition]) -> None:
        """Give everything up; heartbeats go on meanwhile."""
        await self._consumer.give_up()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Begin to take these; heartbeats begin only after this returned."""
        self._consumer.take({where.partition for where in assigned})


class Consumer(KafkaReading):
    """A member of the App's group, which commits to Kafka under its generation."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  Faust's signature
        """Take what Faust's consumer takes."""
        super().__init__(*args, **kwargs)
        self._numbers: set[int] = set()
        self._member = NOBODY
        """Who we are for the group as long as the partitions are ours."""
        self._round = 0
        """Counts what the group decided: a taking of partitions that an older round began is dropped."""
        self._taking: asyncio.Future[Any] | None = None
        self._took = False

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Join the group for these topics; Faust calls it once all agents are there."""
        if self._kafka is not None:
            return
        self._topics = sorted(topics)
        self._names = {self._address.name(topic): topic for topic in self._topics}
        session = int(self.role.settings.kafka_session * 1000)
        kafka = consumer_of(
            self._address,
            group_id=self._address.name(self.app.conf.id),
            # By ranges: a member owns the same numbers of all topics, as tables are by number.
            partition_assignment_strategy=[RangePartitionAssignor],
            session_timeout_ms=session,
            heartbeat_interval_ms=session // HEARTBEATS,
            rebalance_timeout_ms=REBALANCE_MS,
            request_timeout_ms=REQUEST_MS,
            max_poll_interval_ms=FOR_EVER_MS,
        )
        with suppress(LogUnavailable):  # then it is asked for when partitions are taken, again and again
            await self._claims.prepare()
        with translated():
            self._kafka = await started(kafka)
        self._kafka.subscribe(list(self._names), listener=Listener(self))

    # -- what the group decides -------------------------------------------------------------------------------------

    async def give_up(self) -> None:
        """Finish or abandon what is in work, commit, and let go of all partitions."""
        self._round += 1
        await self._settled()
        if self.app.should_stop:
            return
        try:
            self.app.on_rebalance_start()
            await self.on_partitions_revoked(set(self._assignment))
            self._let_go(self._numbers)
        except Exception as error:  # noqa: BLE001  aiokafka would only log it
            await fatal(self.app, error)

    def take(self, numbers: set[int]) -> None:
        """Begin to take partition numbers, beside the group's own work."""
        self._member = member_of(self.kafka)  # now: while tables recover the group may expel us
        self._taking = self.add_future(self._take(self._round, numbers))

    async def _settled(self) -> None:
        """Wait for the end of the last taking, and for a while until the streams run that it began."""
        if self._taking is not None:
            await asyncio.wait([self._taking])
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                while self._took and self.app.rebalancing and not self.app.should_stop:  # noqa: ASYNC110  a flag of Faust's
                    await asyncio.sleep(0.01)
        self._took = False

    async def _take(self, turn: int, numbers: set[int]) -> None:
        try:
            if not await self._open(turn, numbers):
                return
            self._numbers = numbers
            self._assignment = {TP(topic, number) for topic in self._topics for number in numbers}
            log.info("%s owns partitions %s", self.app.conf.id, sorted(numbers))
            self.app.consumer_generation_id += 1
            await self.on_partitions_assigned(set(self._assignment), self.app.consumer_generation_id)
            self._took = True
        except Exception as error:  # noqa: BLE001  whatever it is, work cannot go on without the partitions
            await fatal(self.app, error)

    async def _open(self, turn: int, numbers: set[int]) -> bool:
        """Claim partitions and recover their tables; False where the group decided anew meanwhile."""
        epochs: dict[int, int] | None = None
        left = sorted(numbers)
        while epochs is None or left:
            if turn != self._round or self.should_stop or self.app.should_stop:
                self.role.close_partitions(numbers)
                return False
            try:
                if epochs is None:
                    epochs = await self._claims.epochs(numbers)
                else:
                    await self.role.open_partitions({left[0]: epochs[left[0]]})
                    left = left[1:]
            except LogUnavailable as error:
                log.warning("%s cannot take its partitions for now: %s", self.app.conf.id, error)
                self.role.close_partitions(left[:1])
                await asyncio.sleep(RETRY_SECONDS)
        return True

    def _let_go(self, numbers: Iterable[int]) -> None:
        self.role.close_partitions(numbers)
        self._numbers = set()
        self._assignment = set()
        self._member = NOBODY
        self.forget_places()

    # -- commits ----------------------------------------------------------------------------------------------------

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        wanted = {self._address.partition(tp.topic, tp.partition): offset for tp, offset in offsets.items()}
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                await commit(self.kafka, self._member, wanted)
        except MovedOn as error:
            log.info("%s did not commit, the group has moved on: %s", self.app.conf.id, error)
            return False
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("%s cannot commit for now: %r", self.app.conf.id, error)
            return False
        return True

    async def _commit_offsets(self, offsets: Any, start_new_transaction: bool = True) -> bool:  # noqa: ANN401  Faust's signature
        before = {tp: self._committed_offset[tp] for tp in offsets}
        done = await super()._commit_offsets(offsets, start_new_transaction=start_new_transaction)
        if not done:  # Faust takes a commit that failed for done, and would not try again before there is more
            self._committed_offset.update({tp: offset for tp, offset in before.items() if tp in self._chains})
        return done

    async def on_stop(self) -> None:
        """Finish or abandon what is in work, commit, close what belongs to the partitions, leave the group."""
        self._round += 1
        if self._taking is not None:
            self._taking.cancel()
            await asyncio.wait([self._taking])
        if self._kafka is not None:
            await super().on_stop()
        self._let_go(range(self.role.settings.partitions))  # those, too, that were just being taken
        if self._kafka is not None:
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await self._kafka.stop()
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("%s left its group without a word: %r", self.app.conf.id, error)
        await self._claims.close()


class Transport(Base):
    """Consumer of Kafka, and the producer of any log; conductor and fetcher are Faust's."""

    Consumer: ClassVar[type[Consumer]] = Consumer
    Producer: ClassVar[type[Producer]] = Producer
    driver_version = "kafkab"
    default_port = 9092
