"""The changes that a batch of deltas makes, computed without any store (EXACTNESS.md, "Rates").

A ``Fold`` starts from the progress that PostgreSQL holds for one partition of ``deltas``, is given deltas in order, and
holds the changes of each row, the rows to be published again, groups, releases and the new progress.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from app.cells import Cell
from app.records import Delta, GroupFacts
from app.topics import Source
from tables.windows import RowChange, Version, WindowKey, change_of


class Progress(NamedTuple):
    """The progress of a source on one partition of ``deltas``: greatest offset and received time (ms) counted."""

    last: int
    received: int


class OffsetGap(Exception):
    """A delta starts beyond the source's progress: ``expected`` is the offset due, ``received`` the delta's first.

    Retention may have made the gap; any other is fatal. The caller decides by the log's start.
    """

    def __init__(self, source: Source, expected: int, received: int) -> None:
        super().__init__(f"{source.topic}/{source.partition}: expected offset {expected}, received {received}")
        self.source = source
        self.expected = expected
        self.received = received


class GroupChange(msgspec.Struct):
    """The changes of one group in a fold.

    ``facts`` and ``source`` are those of its first event, whose time is the least; ``begun_by`` those of its first
    delta, whose event names notices; the others are of all deltas.
    """

    facts: GroupFacts
    source: Source
    begun_by: tuple[GroupFacts, Source]
    last_seen: int
    unhandled: bool
    sights: list[bytes]


class TimeSpan(NamedTuple):
    """The least and the greatest time (ms)."""

    first: int
    last: int


class Fold:
    """The changes of consecutive deltas of one partition, from the stored progress on."""

    def __init__(self, generation: int, progress: Mapping[Source, Progress]) -> None:
        self.generation = generation
        self.before = progress
        self.after: dict[Source, Progress] = {}
        self.rows: dict[WindowKey, list[RowChange]] = {}
        self.again: dict[WindowKey, Version] = {}
        """Rows of entries that were counted before: the process may have died before it published them."""
        self.groups: dict[str, GroupChange] = {}
        self.releases: dict[tuple[int, str], TimeSpan] = {}

    def progress(self, source: Source) -> Progress | None:
        """Return the progress of a source, this fold included."""
        return self.after.get(source) or self.before.get(source)

    def skip_to(self, source: Source, first: int) -> None:
        """Set the progress of a source to the offset before ``first``: retention deleted the ones before unread."""
        known = self.progress(source)
        self.after[source] = Progress(first - 1, known.received if known else 0)

    def take(self, offset: int, delta: Delta) -> None:
        """Add the delta at this offset of ``deltas``. Raises OffsetGap, and has changed nothing then."""
        source = Source(delta.topic, delta.partition)
        known = self.progress(source)
        if known is not None and delta.first > known.last + 1:
            raise OffsetGap(source, known.last + 1, delta.first)
        floor = known.last if known is not None else delta.first - 1
        self._rows(Version(self.generation, offset), delta, floor)
        if delta.last > floor:
            self._groups(source, delta)
        received = max(delta.received, known.received) if known is not None else delta.received
        moved = Progress(max(floor, delta.last), received)
        if moved != known:
            self.after[source] = moved

    def _rows(self, at: Version, delta: Delta, floor: int) -> None:
        for cell, windows in delta.cells.items():
            counted: list[tuple[int, int, list[int]]] = []
            before: list[int] = []
            for size, start, indices in windows:
                key = WindowKey(cell, size, start)
                fresh = indices if delta.first > floor else self._fresh(delta, indices, floor)
                if len(fresh) < len(indices):
                    self.again[key] = at
                if fresh:
                    if fresh != before:  # the windows of a cell mostly hold the same entries
                        before, change = fresh, change_of(at, [delta.entries[i] for i in fresh])
                    self.rows.setdefault(key, []).append(change)
                    counted.append((size, start, fresh))
            if counted:
                self._release(Cell.parse(cell), counted)

    @staticmethod
    def _fresh(delta: Delta, indices: list[int], floor: int) -> list[int]:
        return [index for index in indices if delta.entries[index].offset > floor]

    def _release(self, cell: Cell, counted: Iterable[tuple[int, int, list[int]]]) -> None:
        """Widen the time in which a release was seen by the start of each entry's smallest window, whatever the cut."""
        if not cell.release or cell.group or cell.kind != "c":
            return
        starts: dict[int, int] = {}
        for _, start, indices in sorted(counted):
            for index in indices:
                starts.setdefault(index, start)
        first, last = min(starts.values()) * 1000, max(starts.values()) * 1000
        key = (cell.project, cell.release)
        known = self.releases.get(key)
        self.releases[key] = (
            TimeSpan(min(first, known.first), max(last, known.last)) if known else TimeSpan(first, last)
        )

    def _groups(self, source: Source, delta: Delta) -> None:
        for key, facts in delta.groups.items():
            group = self.groups.get(key)
            if group is None:
                self.groups[key] = GroupChange(
                    facts, source, (facts, source), facts.last_seen, facts.unhandled, list(facts.sights)
                )
                continue
            if _place(facts, source) < _place(group.facts, group.source):
                group.facts, group.source = facts, source
            group.last_seen = max(group.last_seen, facts.last_seen)
            group.unhandled |= facts.unhandled
            group.sights += facts.sights


def _place(facts: GroupFacts, source: Source) -> tuple[int, str, int, int]:
    """Return the place of a group's event among all of the group: by time (ms), then by address."""
    return (facts.first_seen, source.topic, source.partition, facts.sample_offset)


def watermark(progress: Mapping[Source, Progress], sources: Iterable[Source]) -> int | None:
    """Return the least received time (ms) over all configured sources, None while one has no progress."""
    least: int | None = None
    for source in sources:
        known = progress.get(source)
        if known is None:
            return None
        least = known.received if least is None else min(least, known.received)
    return least
