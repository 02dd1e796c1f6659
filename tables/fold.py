"""What a batch of deltas changes, found without looking at any store: the rules of EXACTNESS.md, "Rates".

A ``Fold`` starts from the progress that PostgreSQL holds for one partition of ``deltas``, takes deltas in order, and
ends with the changes of each row, the rows to be published again, groups, releases and the new progress.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from app.cells import Cell
from app.records import Delta, GroupFacts
from app.topics import Source
from tables.windows import Change, Version, WindowKey, change


class Progress(NamedTuple):
    """How far a source is counted on one partition of ``deltas``: greatest offset, greatest received time (ms)."""

    last: int
    received: int


class Hole(Exception):
    """A delta that starts beyond what is counted: offsets between were lost on the way."""

    def __init__(self, source: Source, expected: int, first: int) -> None:
        """Take the source, the offset that had to come next and the one that came."""
        super().__init__(f"{source.topic}/{source.partition}: offsets {expected}..{first - 1} never came")
        self.source = source
        self.expected = expected
        self.first = first


class GroupChange(msgspec.Struct):
    """What the batch says about one group; the facts and the source of its first delta stay."""

    facts: GroupFacts
    source: Source
    first_seen: int
    last_seen: int
    unhandled: bool


class Span(NamedTuple):
    """The least and the greatest time (ms) of something."""

    first: int
    last: int


class Fold:
    """The changes of consecutive deltas of one partition."""

    def __init__(self, generation: int, progress: Mapping[Source, Progress]) -> None:
        """Start from the stored progress."""
        self.generation = generation
        self.before = progress
        self.after: dict[Source, Progress] = {}
        self.rows: dict[WindowKey, list[Change]] = {}
        self.again: dict[WindowKey, Version] = {}
        """Rows of entries that were counted before: their publishing may have been cut off."""
        self.groups: dict[str, GroupChange] = {}
        self.releases: dict[tuple[int, str], Span] = {}

    def progress(self, source: Source) -> Progress | None:
        """Return how far a source is counted, this fold included."""
        return self.after.get(source) or self.before.get(source)

    def skip_to(self, source: Source, first: int) -> None:
        """Accept that the offsets below ``first`` are lost (the log dropped them before they were read)."""
        known = self.progress(source)
        self.after[source] = Progress(first - 1, known.received if known else 0)

    def take(self, offset: int, delta: Delta) -> None:
        """Add the delta at this offset of ``deltas``. Raises Hole, having changed nothing."""
        source = Source(delta.topic, delta.partition)
        known = self.progress(source)
        if known is not None and delta.first > known.last + 1:
            raise Hole(source, known.last + 1, delta.first)
        floor = known.last if known is not None else delta.first - 1
        self._rows(Version(self.generation, offset), delta, floor)
        if delta.last > floor:
            self._groups(source, delta)
        received = max(delta.received, known.received) if known is not None else delta.received
        moved = Progress(max(floor, delta.last), received)
        if moved != known:
            self.after[source] = moved

    def _rows(self, at: Version, delta: Delta, floor: int) -> None:
        for cell, given in delta.cells.items():
            counted: list[tuple[int, int, list[int]]] = []
            before: list[int] = []
            for size, start, indices in given:
                key = WindowKey(cell, size, start)
                fresh = indices if delta.first > floor else self._fresh(delta, indices, floor)
                if len(fresh) < len(indices):
                    self.again[key] = at
                if fresh:
                    if fresh != before:  # the windows of a cell mostly hold the same entries
                        before, found = fresh, change(at, [delta.entries[i] for i in fresh])
                    self.rows.setdefault(key, []).append(found)
                    counted.append((size, start, fresh))
            if counted:
                self._release(Cell.parse(cell), counted)

    @staticmethod
    def _fresh(delta: Delta, indices: list[int], floor: int) -> list[int]:
        return [index for index in indices if delta.entries[index].offset > floor]

    def _release(self, cell: Cell, counted: Iterable[tuple[int, int, list[int]]]) -> None:
        """Note when a release was seen: by the start of the smallest window of each entry, whatever the cut."""
        if not cell.release or cell.group or cell.kind != "c":
            return
        starts: dict[int, int] = {}
        for _, start, indices in sorted(counted):
            for index in indices:
                starts.setdefault(index, start)
        first, last = min(starts.values()) * 1000, max(starts.values()) * 1000
        key = (cell.project, cell.release)
        known = self.releases.get(key)
        self.releases[key] = Span(min(first, known.first), max(last, known.last)) if known else Span(first, last)

    def _groups(self, source: Source, delta: Delta) -> None:
        for key, facts in delta.groups.items():
            group = self.groups.get(key)
            if group is None:
                self.groups[key] = GroupChange(facts, source, facts.first_seen, facts.last_seen, facts.unhandled)
                continue
            group.first_seen = min(group.first_seen, facts.first_seen)
            group.last_seen = max(group.last_seen, facts.last_seen)
            group.unhandled |= facts.unhandled


def watermark(progress: Mapping[Source, Progress], sources: Iterable[Source]) -> int | None:
    """Return the least received time (ms) over all configured sources, None while one has not been heard of."""
    least: int | None = None
    for source in sources:
        known = progress.get(source)
        if known is None:
            return None
        least = known.received if least is None else min(least, known.received)
    return least
