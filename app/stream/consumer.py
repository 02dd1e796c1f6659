"""The Faust consumer over either log: it reads the partitions that its group assigned, from the commits on.

How a member joins its group, fetches and commits is the log's own: a ``Group`` that the transport passes in.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from time import monotonic
from typing import Any, Final, Protocol

from faust.transport.consumer import RecordMap
from faust.types import TP
from mode import Service

from app.errors import FatalError
from app.log.batch import Batch, Chain
from app.log.contract import LogUnavailable
from app.stream.batching import Batching, fatal
from app.stream.contract import role_of
from app.stream.cursors import Cursors
from app.tasks import until_tick
from app.topics import unqualified

log = logging.getLogger(__name__)

WAIT_SECONDS: Final = 10.0
"""How long a fetch waits for an append; notifications can be lost, so the log is read again after it anyway."""

FULL: Final = 0.5
"""Share of a full batch from which on a round counts as full: what is left in the log then is not waited for."""

GATE_SECONDS: Final = 0.01
RETRY_SECONDS: Final = 0.5

ROUND_BATCHES: Final = 2
"""Batches that one round reads at most: with the agent's queue, the bound of what is in memory."""


class Group(Protocol):
    """A consumer's membership of its group in one log; assigns partitions by ``Consumer.give_up`` and ``own``."""

    @property
    def joined(self) -> bool:
        """Whether ``join`` has succeeded."""
        ...

    async def join(self, topics: Sequence[str]) -> None:
        """Join the group for these topics (with their generation) and begin to assign partitions."""
        ...

    async def halt(self) -> None:
        """Assign no more partitions."""
        ...

    async def leave(self) -> None:
        """Close the tables of all partitions and leave the group."""
        ...

    async def fetch(self, order: Sequence[TP]) -> dict[TP, list[Batch]]:
        """Read the next batches of some of these partitions, from the cursors' positions on.

        Raises LogUnavailable, FatalError.
        """
        ...

    async def wait(self, seconds: float) -> None:
        """Wait for an append after a fetch that returned nothing, at most ``seconds``."""
        ...

    async def now(self) -> int:
        """Return the server's time in ms, the same clock for all members. Raises LogUnavailable."""
        ...

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        """Store the next offsets to read; False where they were not stored."""
        ...


class Consumer(Batching):
    """Reads the partitions that its group assigned to this process."""

    def __init__(self, *args: Any, group: "Callable[[Consumer], Group]", **kwargs: Any) -> None:  # noqa: ANN401  Faust's
        super().__init__(*args, **kwargs)
        self.role = role_of(self.app)
        self.drain_seconds = self.role.settings.drain_seconds
        self.cursors = Cursors(self.role, self.app.conf.id)
        self._topics: list[str] = []
        self._assignment: set[TP] = set()
        self._group = group(self)
        self._next_round = 0.0

    # -- membership -------------------------------------------------------------------------------------------------

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Join the group for these topics; Faust calls it once all agents are there."""
        if not self._group.joined:
            self._topics = sorted(topics)
            await self._group.join(self._topics)

    async def give_up(self) -> None:
        """Stop the flow, finish or abandon the batches in work, and commit what is acknowledged."""
        self.app.on_rebalance_start()
        await self.on_partitions_revoked(set(self._assignment))

    async def own(self, numbers: AbstractSet[int]) -> None:
        """Go on with these partition numbers in all topics, from the commits on; their tables are recovered."""
        log.info("%s owns partitions %s", self.app.conf.id, sorted(numbers))
        self._assignment = {TP(topic, number) for topic in self._topics for number in numbers}
        self.app.consumer_generation_id += 1
        await self.on_partitions_assigned(set(self._assignment), self.app.consumer_generation_id)

    def disown(self) -> None:
        """Own no partition from now on."""
        self._assignment = set()

    async def on_stop(self) -> None:
        """Finish or abandon the batches in work, commit, close what belongs to the partitions, leave the group."""
        await self._group.halt()
        if self._group.joined:
            await super().on_stop()
        await self._group.leave()

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        return await self._group.commit(offsets)

    @Service.task
    async def _commit_handler(self) -> None:
        """Commit at the same times as the process's other roles, whose commits then share a transaction."""
        while not self.should_stop:
            await self.wait(self._delivered.wait())  # an idle role does not wake up
            await self.sleep(until_tick(self.commit_interval))
            if self.has_uncommitted():
                await self.commit()
            if not self.has_uncommitted():
                self._delivered.clear()

    @Service.task
    async def _commit_livelock_detector(self) -> None:
        """Do nothing: it would wake up for each partition, to call checks that are empty here."""

    # -- positions --------------------------------------------------------------------------------------------------

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go to the group's commits, and to the start of partitions without one."""
        positions: dict[TP, int] = {}
        for topic in self._topics:
            committed = await self.role.log.committed(self.app.conf.id, topic)
            for number, bounds in (await self.role.log.bounds(topic)).items():
                tp = TP(topic, number)
                if tp in self._assignment:
                    self.cursors.bounds[tp] = bounds
                    positions[tp] = committed.get(number, bounds.start)
        try:
            self.cursors.start(positions)
        except FatalError as error:
            await fatal(self.app, error)
        self._chains.update({tp: Chain(offset) for tp, offset in positions.items()})
        return positions

    async def _seek(self, partition: TP, offset: int) -> None:
        self.cursors.position[partition] = offset

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Go to these offsets."""
        for tp, offset in partitions.items():
            await self.seek(tp, offset)

    async def seek_to_beginning(self, *partitions: TP) -> None:
        """Go to the first offsets that the log still holds."""
        await self.seek_wait(await self.earliest_offsets(*partitions))

    async def position(self, tp: TP) -> int | None:
        """Return the next offset to read."""
        return self.cursors.position.get(tp)

    def assignment(self) -> set[TP]:
        """Return the partitions that this member owns."""
        return self._assignment

    def highwater(self, tp: TP) -> int:
        """Return the end of a partition, as last seen."""
        bounds = self.cursors.bounds.get(tp)
        return bounds.end if bounds is not None else 0

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Return the ends of partitions."""
        return {tp: bounds.end for tp, bounds in (await self.cursors.refresh(partitions)).items()}

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """Return the starts of partitions."""
        return {tp: bounds.start for tp, bounds in (await self.cursors.refresh(partitions)).items()}

    def topic_partitions(self, topic: str) -> int | None:
        """Return the number of partitions of a topic."""
        return self.role.partitions(unqualified(topic))

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int | None:  # noqa: ARG002  Faust's signature
        """Return ``partition``: records of this log always name theirs."""
        return partition

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    async def create_topic(self, topic: str, *_: Any, **__: Any) -> None:  # noqa: ANN401  Faust's signature
        """Do nothing: the App creates its topics before it starts."""

    # -- reading ----------------------------------------------------------------------------------------------------

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> RecordMap:  # noqa: ARG002, ASYNC109  Faust's signature; its second is for Kafka
        await self._await_round()
        seeks, begun = self.seeks, monotonic()
        if self.app.rebalancing:
            await asyncio.sleep(GATE_SECONDS)
            return None  # type: ignore[return-value]  # getmany reads None as "nothing, and no seek either"
        try:
            batches = await self._fetch(sorted((active_partitions or set()) & self._assignment))
        except LogUnavailable as error:
            log.warning("cannot read the log for now: %s", error)
            await self.sleep(RETRY_SECONDS)
            return {}
        except FatalError as error:
            await fatal(self.app, error)
        if self.app.rebalancing or not self.flow_active or seeks != self.seeks:
            return None  # type: ignore[return-value]  # read before a seek: to be read again after it
        self.cursors.advance(batches)
        if not batches:
            seconds = min(WAIT_SECONDS, self.role.idle_seconds)
            await self.wait_first(self._group.wait(seconds), self.suspend_flow.wait())
        elif not self._full(batches):
            self._next_round = begun + self.role.round_seconds
        return batches

    async def _await_round(self) -> None:
        """Wait for the next round: what arrives meanwhile shares its transactions. After idleness there is no wait."""
        due = self._next_round - monotonic()
        if due > 0:
            await self.wait_first(asyncio.sleep(due), self.suspend_flow.wait())

    def _full(self, batches: Mapping[TP, Sequence[Batch]]) -> bool:
        """Return whether the batches of a round are near the size of a full batch, or are idle ones alone."""
        settings = self.role.settings
        records = sum(len(batch) for delivered in batches.values() for batch in delivered)
        nbytes = sum(batch.nbytes for delivered in batches.values() for batch in delivered)
        return not records or records >= FULL * settings.batch_records or nbytes >= FULL * (settings.batch_mb << 20)

    async def _fetch(self, order: list[TP]) -> dict[TP, list[Batch]]:
        batches = await self._group.fetch(order)
        quiet = [tp for tp in order if tp not in batches]
        try:
            return batches | await self.cursors.idle(quiet, self._group.now)
        except LogUnavailable as error:
            # Records are delivered meanwhile; only the idle batches of other partitions come later.
            log.warning("cannot report idle partitions for now: %s", error)
            self.cursors.postpone_idle(quiet)
            return batches
