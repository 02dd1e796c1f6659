"""Where a consumer stands in each of its partitions, and the batches that follow there without a gap."""

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from time import monotonic
from typing import ClassVar, NoReturn

import msgspec
from faust.types import TP

from app.errors import FatalError, MissingOffsets
from app.log.batch import Batch, cut
from app.log.contract import Bounds, Record
from app.stream.contract import Role

log = logging.getLogger(__name__)


class LogBehindCommit(FatalError):
    """The group has committed beyond the log's end: it is another log, or one restored from a backup."""

    code: ClassVar[str] = "log_behind_commit"

    def __init__(self, tp: TP, committed: int, end: int) -> None:
        super().__init__(f"{tp.topic}/{tp.partition}: committed {committed}, but the log ends at {end}")


class Cursors:
    """The positions of one consumer in the partitions it owns.

    Offsets that retention deleted before the group read them are reported as lost and passed. Any other gap raises
    MissingOffsets.
    """

    def __init__(self, role: Role, group: str) -> None:
        self.role = role
        self.position: dict[TP, int] = {}
        """By partition the next offset to read."""
        self.bounds: dict[TP, Bounds] = {}
        """By partition start and end as last seen."""
        self._group = group
        self._quiet_since: dict[TP, float] = {}

    def start(self, positions: Mapping[TP, int]) -> None:
        """Take these positions. Raises LogBehindCommit for one beyond the partition's end as last seen."""
        for tp, offset in positions.items():
            if offset > self.bounds[tp].end:
                raise LogBehindCommit(tp, offset, self.bounds[tp].end)
        now = monotonic()
        self.position.update(positions)
        self._quiet_since.update(dict.fromkeys(positions, now))

    def advance(self, batches: Mapping[TP, Sequence[Batch]]) -> None:
        """Move the positions past batches that are delivered now."""
        now = monotonic()
        for tp, delivered in batches.items():
            self.position[tp] = delivered[-1].last + 1
            self._quiet_since[tp] = now

    async def refresh(self, partitions: Iterable[TP]) -> dict[TP, Bounds]:
        """Read the bounds of partitions from the log. Raises LogUnavailable."""
        by_topic: dict[str, list[int]] = defaultdict(list)
        for tp in partitions:
            by_topic[tp.topic].append(tp.partition)
        read: dict[TP, Bounds] = {}
        for topic, numbers in by_topic.items():
            bounds = await self.role.log.bounds(topic)
            read |= {TP(topic, number): bounds[number] for number in numbers}
        self.bounds |= read
        return read

    async def cut(self, tp: TP, records: list[Record]) -> list[Batch]:
        """Cut records that were read at the position into batches; at least one record.

        Raises MissingOffsets for a gap that retention did not make, LogUnavailable.
        """
        position, settings = self.position[tp], self.role.settings
        if records[-1].offset - records[0].offset + 1 != len(records):
            _raise_first_gap(tp, records)
        batches = cut(tp.topic, tp.partition, records, settings.batch_records, settings.batch_mb << 20)
        lost = records[0].offset - position
        # Elsewhere than at the log's start the gap is none of retention's: the delivery raises MissingOffsets for it.
        if lost and (await self.refresh([tp]))[tp].start == records[0].offset:
            self._report_lost(tp, position, lost)
            batches[0] = msgspec.structs.replace(batches[0], lost=lost)
        return batches

    async def all_lost(self, tp: TP, now: Callable[[], Awaitable[int]]) -> list[Batch]:
        """Return the idle batch at the end of a partition of which retention deleted all that was unread.

        ``now`` returns the server's time (ms). Raises MissingOffsets where the log still holds records, LogUnavailable.
        """
        position = self.position[tp]
        idle_at = await now()  # before the bounds: a record that comes in between must not count as idle
        start, end = (await self.refresh([tp]))[tp]
        if start != end:
            raise MissingOffsets(tp.topic, tp.partition, position, start if start > position else end)
        lost = end - position
        self._report_lost(tp, position, lost)
        return [Batch(topic=tp.topic, partition=tp.partition, records=[], position=end, idle_at=idle_at, lost=lost)]

    async def idle(self, order: Sequence[TP], now: Callable[[], Awaitable[int]]) -> dict[TP, list[Batch]]:
        """Return an idle batch for each of these partitions that delivered nothing for ``idle_seconds``.

        ``now`` returns the server's time (ms), read before the ends of the partitions are.
        """
        quiet = monotonic() - self.role.idle_seconds
        due = [tp for tp in order if self._quiet_since[tp] <= quiet]
        if not due:
            return {}
        idle_at = await now()
        bounds = await self.refresh(due)
        return {
            tp: [Batch(topic=tp.topic, partition=tp.partition, records=[], position=end, idle_at=idle_at)]
            for tp in due
            if (end := bounds[tp].end) == self.position[tp]
        }

    def postpone_idle(self, order: Iterable[TP]) -> None:
        """Let ``idle_seconds`` begin again for these partitions."""
        self._quiet_since.update(dict.fromkeys(order, monotonic()))

    def _report_lost(self, tp: TP, position: int, lost: int) -> None:
        log.error("%s/%d: %d records from %d on were deleted by retention before %s read them: lost",
                  tp.topic, tp.partition, lost, position, self._group)  # fmt: skip


def _raise_first_gap(tp: TP, records: Sequence[Record]) -> NoReturn:
    before, after = next(pair for pair in pairwise(records) if pair[1].offset != pair[0].offset + 1)
    raise MissingOffsets(tp.topic, tp.partition, before.offset + 1, after.offset)
