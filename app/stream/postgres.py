"""The consumer of the PostgreSQL log: a member of a group, which owns partitions, gives them up and commits."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from faust.transport.base import Transport as Base
from faust.types import TP

from app.log.postgres.members import Membership, wanted
from app.postgres import AWAY
from app.stream.batching import fatal
from app.stream.consumer import Reading
from app.stream.producer import Producer

if TYPE_CHECKING:
    from app.log.postgres.log import PostgresLog
    from app.log.postgres.wake import Watch

log = logging.getLogger(__name__)

BALANCE_SECONDS: Final = 0.5
"""How often the members of a group are looked at: a dead one's partitions move within twice this."""


class Consumer(Reading):
    """A member of the App's group. Any error of its membership connection ends the process."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  Faust's signature
        """Take what Faust's consumer takes."""
        super().__init__(*args, **kwargs)
        self._numbers: set[int] = set()
        self._watching: AbstractContextManager[Watch] | None = None
        self._balancer: asyncio.Future[Any] | None = None

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Join the group for these topics; Faust calls it once all agents are there."""
        if self._members is not None:
            return
        self._topics = sorted(topics)
        self._watching = cast("PostgresLog", self.role.log).watch(self._topics)
        self._watch = self._watching.__enter__()
        self._members = Membership(self.role.settings.database_url, self.app.conf.id, self._topics)
        await self._members.join(self._on_lost)
        self._balancer = self.add_future(self._balance())

    def _on_lost(self) -> None:
        error = ConnectionError("the connection that holds this member's partitions is gone")
        self.add_future(fatal(self.app, error))

    async def _balance(self) -> None:
        first = True
        while not self.should_stop and not self.app.should_stop:
            await self._balance_once(force=first)
            first = False
            await self.sleep(BALANCE_SECONDS)

    async def _balance_once(self, *, force: bool) -> None:
        if self.app.rebalancing and not force:
            return  # the streams of the last one are not resumed yet
        members = self.members
        should = wanted(self.role.settings.partitions, await members.live(), members.member)
        lose = self._numbers - should
        gained = {} if lose else await members.claim(should - self._numbers)
        if lose or gained or force:
            await self._rebalance(lose, should, gained)

    async def _rebalance(self, lose: set[int], should: set[int], gained: dict[int, int]) -> None:
        """Stop the flow, give partitions up before taking others, and go on from the commits."""
        app = self.app
        app.on_rebalance_start()
        await self.on_partitions_revoked(set(self._assignment))
        if app.should_stop:
            return
        if lose:
            self.role.close_partitions(lose)
            await self.members.release(lose)
            self._numbers -= lose
            gained = await self.members.claim(should - self._numbers)
        await self.role.open_partitions(gained)
        self._numbers |= set(gained)
        log.info("%s owns partitions %s", app.conf.id, sorted(self._numbers))
        self._assignment = {TP(topic, number) for topic in self._topics for number in self._numbers}
        app.consumer_generation_id += 1
        await self.on_partitions_assigned(set(self._assignment), app.consumer_generation_id)

    async def on_stop(self) -> None:
        """Finish or abandon what is in work, commit, close what belongs to the partitions, leave the group."""
        if self._balancer is not None:
            self._balancer.cancel()
        if self._members is not None:
            await super().on_stop()
        self.role.close_partitions(self._numbers)
        if self._members is not None:
            await self._members.leave()
        if self._watching is not None:
            self._watching.__exit__(None, None, None)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        by_topic: dict[str, dict[int, int]] = defaultdict(dict)
        for tp, offset in offsets.items():
            by_topic[tp.topic][tp.partition] = offset
        try:
            await self.members.commit(by_topic)
        except AWAY as error:
            # Nothing is lost: what is not committed is read again, by whoever has the partition then.
            log.error("%s cannot commit: %r", self.app.conf.id, error)  # noqa: TRY400  the connection's end tells more
            self._on_lost()
            return False
        return True


class Transport(Base):
    """Consumer and producer of the PostgreSQL log; conductor and fetcher are Faust's."""

    Consumer: ClassVar[type[Consumer]] = Consumer
    Producer: ClassVar[type[Producer]] = Producer
    driver_version = "pglog"
    default_port = 5432
