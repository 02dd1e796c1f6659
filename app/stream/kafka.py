"""The Kafka log under Faust: membership of the consumer group and commits; ``kafkab://``."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from faust.types import TP

from app.log.batch import Batch
from app.log.contract import LogUnavailable
from app.log.kafka.address import Address, translated
from app.log.kafka.claims import Claims
from app.log.kafka.commits import NOBODY, MovedOn, commit, member_of
from app.log.kafka.log import KafkaLog
from app.log.kafka.reader import consumer_of, started
from app.stream.batching import fatal
from app.stream.consumer import Consumer
from app.stream.kafka_fetch import KafkaFetcher
from app.stream.transport import LogTransport

HEARTBEATS: Final = 5
"""Heartbeats that a member must miss for its session to end."""

REBALANCE_MS: Final = 30_000
"""How long the group waits for a member that drains its batches."""

REQUEST_MS: Final = REBALANCE_MS + 5000
"""The request to join is answered only when all members have joined, and a second request would be a second member."""

FOR_EVER_MS: Final = 2**31 - 1
"""A member whose sink is down polls no records for as long as that lasts; its heartbeats show that it lives."""

COMMIT_SECONDS: Final = 5.0
SETTLE_SECONDS: Final = 5.0
STOP_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 0.5

log = logging.getLogger(__name__)


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka publishes no types
    """Passes the group's decisions on. aiokafka only logs what these methods raise."""

    def __init__(self, group: "KafkaGroup") -> None:
        self._group = group

    async def on_partitions_revoked(self, _: Iterable[TopicPartition]) -> None:
        """Give everything up; heartbeats go on meanwhile."""
        await self._group.give_up()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Begin to take these partitions; heartbeats begin only after this returned."""
        self._group.take({where.partition for where in assigned})


class KafkaGroup:
    """A member of the App's group, which commits to Kafka under the group's generation."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._role = consumer.role
        self._claims = Claims(self._role.settings.database_url)
        self._kafka: AIOKafkaConsumer | None = None
        self._fetcher: KafkaFetcher | None = None
        self._numbers: set[int] = set()
        self._member = NOBODY
        """This process in the group, as long as the partitions are its own."""
        self._round = 0
        """Counts the group's decisions: a taking of partitions that an older decision began is dropped."""
        self._taking: asyncio.Future[Any] | None = None
        self._took = False

    @property
    def joined(self) -> bool:
        """Whether ``join`` has succeeded."""
        return self._kafka is not None

    @property
    def kafka(self) -> AIOKafkaConsumer:
        """The member of the group. Raises RuntimeError before ``join``."""
        if self._kafka is None:
            raise RuntimeError("the group has not been joined")
        return self._kafka

    @property
    def _address(self) -> Address:
        records = self._role.log
        if not isinstance(records, KafkaLog):
            raise TypeError("this transport is for a log in Kafka")
        return records.address

    async def join(self, topics: Sequence[str]) -> None:
        """Join the group for these topics. Raises LogUnavailable, LogError."""
        address, names = self._address, {self._address.name(topic): topic for topic in topics}
        session = int(self._role.settings.kafka_session * 1000)
        kafka = consumer_of(
            address,
            group_id=address.name(self._consumer.app.conf.id),
            # By ranges: a member owns the same numbers of all topics, as tables are by number.
            partition_assignment_strategy=[RangePartitionAssignor],
            session_timeout_ms=session,
            heartbeat_interval_ms=session // HEARTBEATS,
            rebalance_timeout_ms=REBALANCE_MS,
            request_timeout_ms=REQUEST_MS,
            max_poll_interval_ms=FOR_EVER_MS,
        )
        with suppress(LogUnavailable):  # then epochs are reserved when partitions are taken
            await self._claims.prepare()
        with translated():
            self._kafka = await started(kafka)
        self._fetcher = KafkaFetcher(self._kafka, self._consumer.cursors, address, names, self.now)
        self._kafka.subscribe(list(names), listener=Listener(self))

    async def halt(self) -> None:
        """Drop the taking of partitions that is under way, and begin no other."""
        self._round += 1
        if self._taking is not None:
            self._taking.cancel()
            await asyncio.wait([self._taking])

    async def leave(self) -> None:
        """Close the tables of all partitions, those just being taken among them, and leave the group."""
        self._let_go(range(self._role.settings.partitions))
        if self._kafka is not None:
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await self._kafka.stop()
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("%s could not announce that it leaves its group: %r", self._consumer.app.conf.id, error)
        await self._claims.close()

    # -- what the group decides -------------------------------------------------------------------------------------

    async def give_up(self) -> None:
        """Finish or abandon the batches in work, commit, and close all partitions."""
        self._round += 1
        await self._settled()
        if self._consumer.app.should_stop:
            return
        try:
            await self._consumer.give_up()
            self._let_go(self._numbers)
        except Exception as error:  # noqa: BLE001  aiokafka would only log it
            await fatal(self._consumer.app, error)

    def take(self, numbers: set[int]) -> None:
        """Begin to take partition numbers, in a task beside the group's own work."""
        self._member = member_of(self.kafka)  # now: while tables recover the group may expel this member
        self._taking = self._consumer.add_future(self._take(self._round, numbers))

    async def _settled(self) -> None:
        """Wait for the end of the last taking, and for a while until the streams that it started run."""
        app = self._consumer.app
        if self._taking is not None:
            await asyncio.wait([self._taking])
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                while self._took and app.rebalancing and not app.should_stop:  # noqa: ASYNC110  a flag of Faust's
                    await asyncio.sleep(0.01)
        self._took = False

    async def _take(self, turn: int, numbers: set[int]) -> None:
        try:
            if await self._open(turn, numbers):
                self._numbers = numbers
                await self._consumer.own(numbers)
                self._took = True
        except Exception as error:  # noqa: BLE001  whatever it is, work cannot go on without the partitions
            await fatal(self._consumer.app, error)

    async def _open(self, turn: int, numbers: set[int]) -> bool:
        """Claim partitions and recover their tables; False where the group has decided anew meanwhile."""
        epochs: dict[int, int] | None = None
        left = sorted(numbers)
        while epochs is None or left:
            if turn != self._round or self._consumer.should_stop or self._consumer.app.should_stop:
                self._role.close_partitions(numbers)
                return False
            try:
                if epochs is None:
                    epochs = await self._claims.epochs(numbers)
                else:
                    await self._role.open_partitions({left[0]: epochs[left[0]]})
                    left = left[1:]
            except LogUnavailable as error:
                log.warning("%s cannot take its partitions for now: %s", self._consumer.app.conf.id, error)
                self._role.close_partitions(left[:1])
                await asyncio.sleep(RETRY_SECONDS)
        return True

    def _let_go(self, numbers: Iterable[int]) -> None:
        self._role.close_partitions(numbers)
        self._numbers = set()
        self._member = NOBODY
        self._consumer.disown()
        if self._fetcher is not None:
            self._fetcher.forget_positions()

    # -- reading and committing -------------------------------------------------------------------------------------

    async def fetch(self, order: Sequence[TP]) -> dict[TP, list[Batch]]:
        """Return what aiokafka has fetched of these partitions, or wait a moment for it."""
        if self._fetcher is None:
            raise RuntimeError("the group has not been joined")
        return await self._fetcher.fetch(order)

    async def wait(self, seconds: float) -> None:
        """Return at once: ``fetch`` has waited."""

    async def now(self) -> int:
        """Return PostgreSQL's time in ms: workers whose own clocks differ must agree. Raises LogUnavailable."""
        return await self._claims.now()

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        """Store the next offsets to read, as a member of the generation in which the partitions were taken."""
        wanted = {self._address.partition(tp.topic, tp.partition): offset for tp, offset in offsets.items()}
        group = self._consumer.app.conf.id
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                await commit(self.kafka, self._member, wanted)
        except MovedOn as error:
            log.info("%s did not commit, the group has moved on: %s", group, error)
            return False
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("%s cannot commit for now: %r", group, error)
            return False
        return True


class Transport(LogTransport):
    """Consumer of Kafka, and the producer of any log."""

    Group: ClassVar[type[KafkaGroup]] = KafkaGroup
    driver_version = "kafkab"
    default_port = 9092
