"""The PostgreSQL log under Faust: membership of the group, claims of partitions, wake-ups; ``pglog://``."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from faust.types import TP

from app.errors import FatalError
from app.log.batch import Batch
from app.log.postgres.members import Membership, channel, wanted
from app.log.postgres.reader import RoundLimits
from app.postgres import AWAY
from app.stream.batching import fatal
from app.stream.consumer import ROUND_BATCHES, Consumer
from app.stream.transport import LogTransport
from app.tasks import until_tick
from app.topics import unqualified

if TYPE_CHECKING:
    from app.log.postgres.log import PostgresLog
    from app.log.postgres.wake import Subscription

log = logging.getLogger(__name__)

BALANCE_SECONDS: Final = 2.0
"""How often the living members of a group are read: a dead one's partitions move within twice this. When a member joins
or leaves they are read at once, by a notification."""

UNSETTLED_SECONDS: Final = 0.5
"""How often they are read while partitions that this member should own are not free yet."""


class MembershipLost(FatalError):
    """The connection that holds this member's partitions has ended: another member may own them by now."""

    code: ClassVar[str] = "membership_lost"


class PostgresGroup:
    """A member of the App's group. Any error of its membership connection ends the process."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._role = consumer.role
        self._cursors = consumer.cursors
        self._members: Membership | None = None
        self._numbers: set[int] = set()
        self._partitions = 0
        self._appends: Subscription | None = None
        self._changes: Subscription | None = None
        self._open = ExitStack()
        self._balancer: asyncio.Future[Any] | None = None
        self._turn = 0

    @property
    def joined(self) -> bool:
        """Whether ``join`` has begun: from then on there is a membership to leave."""
        return self._members is not None

    @property
    def members(self) -> Membership:
        """The membership. Raises RuntimeError before ``join``."""
        if self._members is None:
            raise RuntimeError("the group has not been joined")
        return self._members

    async def join(self, topics: Sequence[str]) -> None:
        """Join the group for these topics and begin to balance partitions."""
        self._partitions = max(self._role.partitions(unqualified(topic)) for topic in topics)
        log, group = cast("PostgresLog", self._role.log), self._consumer.app.conf.id
        self._appends = self._open.enter_context(log.subscribe(topics))
        self._changes = self._open.enter_context(log.subscribe([channel(group)]))
        self._members = Membership(log.members, group, topics)
        await self._members.join(self._on_lost)
        self._balancer = self._consumer.add_future(self._balance())

    async def halt(self) -> None:
        """Assign no more partitions."""
        if self._balancer is not None:
            self._balancer.cancel()

    async def leave(self) -> None:
        """Close the tables of all partitions and leave the group."""
        self._role.close_partitions(self._numbers)
        if self._members is not None:
            await self._members.leave()
        self._open.close()

    # -- who owns which partition -----------------------------------------------------------------------------------

    def _on_lost(self) -> None:
        error = MembershipLost(f"{self._consumer.app.conf.id}: the connection that holds the partitions has ended")
        self._consumer.add_future(fatal(self._consumer.app, error))

    async def _balance(self) -> None:
        consumer, first = self._consumer, True
        while not consumer.should_stop and not consumer.app.should_stop:
            settled = await self._balance_once(force=first)
            first = False
            if self._changes is not None:
                # At the same times as the process's other roles, so that all of them share one query.
                seconds = BALANCE_SECONDS if settled else UNSETTLED_SECONDS
                await consumer.wait_first(self._changes.wait(until_tick(seconds)))

    async def _balance_once(self, *, force: bool) -> bool:
        """Claim and release partitions as the living members require; False where some are still to be claimed."""
        if self._consumer.app.rebalancing and not force:
            return False  # the streams of the last rebalance are not resumed yet
        members = self.members
        target = wanted(self._partitions, await members.live(), members.member)
        lose = self._numbers - target
        gained = {} if lose else await members.claim(target - self._numbers)
        if lose or gained or force:
            await self._rebalance(lose, target, gained)
        return self._numbers == target

    async def _rebalance(self, lose: set[int], target: set[int], gained: dict[int, int]) -> None:
        """Stop the flow, release partitions before claiming others, and go on from the commits."""
        await self._consumer.give_up()
        if self._consumer.app.should_stop:
            return
        if lose:
            self._role.close_partitions(lose)
            await self.members.release(lose)
            self._numbers -= lose
            gained = await self.members.claim(target - self._numbers)
        await self._role.open_partitions(gained)
        self._numbers |= set(gained)
        await self._consumer.own(self._numbers)

    # -- reading and committing -------------------------------------------------------------------------------------

    async def fetch(self, order: Sequence[TP]) -> dict[TP, list[Batch]]:
        """Read one round, ``ROUND_BATCHES`` batches' bytes in all; each round begins with another partition."""
        self._turn += 1
        shift = self._turn % len(order) if order else 0
        by_topic: dict[str, dict[int, int]] = defaultdict(dict)
        for tp in [*order[shift:], *order[:shift]]:
            by_topic[tp.topic][tp.partition] = self._cursors.position[tp]
        if self._appends is not None:
            self._appends.clear()
        batches: dict[TP, list[Batch]] = {}
        left = ROUND_BATCHES * (self._role.settings.batch_mb << 20)
        for topic, positions in by_topic.items():
            if left > 0:
                batches |= await self._read(topic, positions, left)
                left -= sum(batch.nbytes for delivered in batches.values() for batch in delivered)
        return batches

    async def _read(self, topic: str, positions: Mapping[int, int], most: int) -> dict[TP, list[Batch]]:
        """Read partitions of one topic, ``most`` bytes in all."""
        settings = self._role.settings
        limits = RoundLimits(settings.batch_records, min(most, settings.batch_mb << 20), most)
        read = await cast("PostgresLog", self._role.log).read_round(topic, positions, limits)
        self._cursors.bounds.update({TP(topic, number): bounds for number, bounds in read.bounds.items()})
        batches: dict[TP, list[Batch]] = {}
        for number, bounds in read.bounds.items():
            tp = TP(topic, number)
            if number in read.records:
                batches[tp] = await self._cursors.cut(tp, read.records[number])
            elif positions[number] < bounds.end:
                batches[tp] = await self._cursors.all_lost(tp, self.now)
        return batches

    async def wait(self, seconds: float) -> None:
        """Wait for a notification of an append."""
        if self._appends is not None:
            await self._appends.wait(seconds)

    async def now(self) -> int:
        """Return the server's time in ms."""
        return await self.members.now()

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        """Store the next offsets to read, on the membership's connection."""
        by_topic: dict[str, dict[int, int]] = defaultdict(dict)
        for tp, offset in offsets.items():
            by_topic[tp.topic][tp.partition] = offset
        try:
            await self.members.commit(by_topic)
        except AWAY as error:
            # Nothing is lost: what is not committed is read again, by whoever owns the partition then.
            log.error("%s cannot commit: %r", self._consumer.app.conf.id, error)  # noqa: TRY400  the end of the connection is reported in full
            self._on_lost()
            return False
        return True


class Transport(LogTransport):
    """Consumer and producer of the PostgreSQL log."""

    Group: ClassVar[type[PostgresGroup]] = PostgresGroup
    driver_version = "pglog"
    default_port = 5432
