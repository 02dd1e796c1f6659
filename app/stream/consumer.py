"""Reading of the PostgreSQL log by a Faust consumer: positions, bounds, batches, and the news that one is idle."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgspec
from faust.transport.consumer import RecordMap
from faust.types import TP

from app.log.batch import Batch, Chain, cut
from app.log.contract import Bounds, LogUnavailable, Record
from app.log.postgres.members import Membership
from app.stream.batching import Batching, fatal

if TYPE_CHECKING:
    from app.log.postgres.wake import Watch
    from app.stream.role import FaustApp, RoleApp

log = logging.getLogger(__name__)

WAIT_SECONDS: Final = 1.0
"""How long a fetch waits for an append; notifications can be lost, so it looks anyway."""

GATE_SECONDS: Final = 0.01
RETRY_SECONDS: Final = 0.5

ROUND_BATCHES: Final = 2
"""Batches' bytes that one round reads at most: with the queue's, the bound of what is in memory."""


class LogBehindCommit(Exception):
    """The group has committed more than the log holds: it is another log, or it was put back from a backup."""


class Reading(Batching):
    """Reads the partitions in ``_assignment``; who owns which is ``transport_consumer``'s part."""

    app: "FaustApp"

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  Faust's signature
        """Take what Faust's consumer takes."""
        super().__init__(*args, **kwargs)
        self.role: RoleApp = self.app.role_app
        self.drain_seconds = self.role.settings.drain_seconds
        self._members: Membership | None = None
        self._topics: list[str] = []
        self._assignment: set[TP] = set()
        self._position: dict[TP, int] = {}
        self._bounds: dict[TP, Bounds] = {}
        self._quiet_since: dict[TP, float] = {}
        self._turn = 0
        self._watch: Watch | None = None

    @property
    def members(self) -> Membership:
        """The membership. Raises RuntimeError before ``subscribe``."""
        if self._members is None:
            raise RuntimeError("subscribe comes first")
        return self._members

    async def _now(self) -> int:
        return await self.members.now()

    # -- positions --------------------------------------------------------------------------------------------------

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go to what the group committed, or to the start of what it never read."""
        found: dict[TP, int] = {}
        for topic in self._topics:
            committed = await self.role.log.committed(self.app.conf.id, topic)
            for number, bounds in (await self.role.log.bounds(topic)).items():
                tp = TP(topic, number)
                if tp in self._assignment:
                    self._bounds[tp] = bounds
                    found[tp] = committed.get(number, bounds.start)
        await self._check(found)
        now = monotonic()
        for tp, offset in found.items():
            self._position[tp] = offset
            self._quiet_since[tp] = now
            self._chains[tp] = Chain(offset)
        return found

    async def _check(self, positions: Mapping[TP, int]) -> None:
        for tp, offset in positions.items():
            if offset > self._bounds[tp].end:
                await self._fatal(LogBehindCommit(f"{tp}: committed {offset}, the log ends at {self._bounds[tp].end}"))

    async def _seek(self, partition: TP, offset: int) -> None:
        self._position[partition] = offset

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Go to these offsets."""
        for tp, offset in partitions.items():
            await self.seek(tp, offset)

    async def seek_to_beginning(self, *partitions: TP) -> None:
        """Go to the first offsets that are still there."""
        await self.seek_wait(await self.earliest_offsets(*partitions))

    async def position(self, tp: TP) -> int | None:
        """Give the next offset to be read."""
        return self._position.get(tp)

    def assignment(self) -> set[TP]:
        """Give the partitions that this member owns."""
        return self._assignment

    def highwater(self, tp: TP) -> int:
        """Give the end of a partition, as last seen."""
        return self._bounds[tp].end if tp in self._bounds else 0

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Give the ends of partitions."""
        return {tp: bounds.end for tp, bounds in (await self._look(partitions)).items()}

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """Give the starts of partitions."""
        return {tp: bounds.start for tp, bounds in (await self._look(partitions)).items()}

    async def _look(self, partitions: Iterable[TP]) -> dict[TP, Bounds]:
        by_topic: dict[str, list[int]] = defaultdict(list)
        for tp in partitions:
            by_topic[tp.topic].append(tp.partition)
        found: dict[TP, Bounds] = {}
        for topic, numbers in by_topic.items():
            bounds = await self.role.log.bounds(topic)
            found |= {TP(topic, number): bounds[number] for number in numbers}
        self._bounds |= found
        return found

    def topic_partitions(self, topic: str) -> int | None:
        """Give the partition count of a topic."""
        return self.role.partitions(topic.partition(".")[2])

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int | None:  # noqa: ARG002  Faust's signature
        """Give the partition that was asked for; records of this log always name theirs."""
        return partition

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    async def create_topic(self, topic: str, *_: Any, **__: Any) -> None:  # noqa: ANN401  Faust's signature
        """Do nothing: the App makes its topics before it starts."""

    # -- reading ----------------------------------------------------------------------------------------------------

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> RecordMap:  # noqa: ASYNC109  Faust's signature
        seeks = self.seeks
        if self.app.rebalancing:
            await asyncio.sleep(GATE_SECONDS)
            return None  # type: ignore[return-value]  # getmany reads None as "nothing, and no seek either"
        try:
            batches = await self._fetch(active_partitions or set())
        except LogUnavailable as error:
            log.warning("cannot read the log for now: %s", error)
            await self.sleep(RETRY_SECONDS)
            return {}
        if self.app.rebalancing or not self.flow_active or seeks != self.seeks:
            return None  # type: ignore[return-value]  # read before a seek: to be read again after it
        for tp, found in batches.items():
            self._position[tp] = found[-1].last + 1
            self._quiet_since[tp] = monotonic()
        if not batches and self._watch is not None:
            await self.wait_first(self._watch.wait(min(timeout, WAIT_SECONDS)), self.suspend_flow.wait())
        return batches

    async def _fetch(self, active: set[TP]) -> dict[TP, list[Batch]]:
        """Read one round, a few batches in all; each round begins with another partition."""
        settings = self.role.settings
        limit = settings.batch_mb << 20
        order = sorted(active & self._assignment)
        self._turn += 1
        order = order[self._turn % len(order) :] + order[: self._turn % len(order)] if order else []
        bounds = await self._look(order)
        batches: dict[TP, list[Batch]] = {}
        left = ROUND_BATCHES * limit
        for tp in order:
            if self._position[tp] < bounds[tp].end and left > 0:
                batches[tp] = await self._read(tp, min(left, limit))
                left -= sum(batch.nbytes for batch in batches[tp])
        return batches | await self._idle([tp for tp in order if tp not in batches])

    async def _read(self, tp: TP, limit: int) -> list[Batch]:
        settings = self.role.settings
        position = self._position[tp]
        records = await self.role.log.read(
            tp.topic, tp.partition, position, max_records=settings.batch_records, max_bytes=limit
        )
        return await self._cut(tp, position, records) if records else await self._all_lost(tp, position)

    async def _cut(self, tp: TP, position: int, records: list[Record]) -> list[Batch]:
        """Cut what was read at ``position`` into batches; what is missing was deleted by retention, or is fatal."""
        settings = self.role.settings
        batches = cut(tp.topic, tp.partition, records, settings.batch_records, settings.batch_mb << 20)
        if records[-1].offset - records[0].offset + 1 != len(records):
            await self._fatal(LookupError(f"{tp}: offsets are missing in {records[0].offset}..{records[-1].offset}"))
        lost = records[0].offset - position
        if lost and (await self._look([tp]))[tp].start == records[0].offset:
            self._tell_lost(tp, position, lost)
            batches[0] = msgspec.structs.replace(batches[0], lost=lost)
        return batches

    async def _all_lost(self, tp: TP, position: int) -> list[Batch]:
        """Go on at the end of a partition of which retention deleted all that was unread."""
        at = await self._now()
        start, end = (await self._look([tp]))[tp]
        if start != end:
            await self._fatal(LookupError(f"{tp}: nothing at {position}, though the log holds {start} to {end}"))
        self._tell_lost(tp, position, end - position)
        return [
            Batch(topic=tp.topic, partition=tp.partition, records=[], position=end, idle_at=at, lost=end - position)
        ]

    def _tell_lost(self, tp: TP, position: int, lost: int) -> None:
        log.error("%s/%d: %d records from %d on were deleted by retention before %s read them: lost",
                  tp.topic, tp.partition, lost, position, self.app.conf.id)  # fmt: skip

    async def _idle(self, order: list[TP]) -> dict[TP, list[Batch]]:
        """Tell of partitions that had nothing for a while; the time is asked for before their ends are."""
        now = monotonic()
        due = [tp for tp in order if now - self._quiet_since[tp] >= self.role.idle_seconds]
        if not due:
            return {}
        at = await self._now()
        bounds = await self._look(due)
        return {
            tp: [Batch(topic=tp.topic, partition=tp.partition, records=[], position=end, idle_at=at)]
            for tp in due
            if (end := bounds[tp].end) == self._position[tp]
        }

    async def _fatal(self, error: Exception) -> NoReturn:
        await fatal(self.app, error)
