"""The additions of one batch to windows of cells, as one delta for each partition of ``deltas``.

Each roll-up cell gets its own entry here (EXACTNESS.md, "Deltas"): the rates agent derives no cell from another.
Records of the same cells and windows share a column, so that the cost of a batch grows with its columns, not records.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import msgspec

from app.cells import LATENESS, MINUTE, SIZES, Cell, environment_group, home, timing_group
from app.records import DELTA_SCHEMA, Delta, Entry, GroupFacts
from app.topics import Source

Cells = tuple[str, ...]
Windows = tuple[tuple[int, int], ...]

# Bounded caches of values that repeat from batch to batch: at most a few MB.
_CACHED: Final = 16_384
_MINUTE_MS: Final = MINUTE * 1000
_LATE_MS: Final = [LATENESS[size] * 1000 for size in SIZES]

_home = lru_cache(_CACHED)(home)


@lru_cache(_CACHED)
def crash_cells(project: int, group: str, release: str, environment: str = "") -> Cells:
    """Return the keys of the cells that a crash or message counts in; the first is its group's, (project, group)."""
    own = (Cell("c", project, group, release).key(),) if release else ()
    return (Cell("c", project, group).key(), *session_cells(project, release, environment), *own)


@lru_cache(_CACHED)
def session_cells(project: int, release: str, environment: str = "") -> Cells:
    """Return the keys of the cells that a session counts in: its project's, release's and environment's."""
    cells = [Cell("c", project)]
    if environment:
        cells.append(Cell("e", project, environment_group(environment)))
    if release:
        cells += [cell._replace(release=release) for cell in cells]
    return tuple(cell.key() for cell in cells)


@lru_cache(_CACHED // 4)
def timing_cells(project: int, kind: str, name: str, release: str) -> Cells:
    """Return the keys of the cells that a duration counts in."""
    group = timing_group(kind, name)
    bare = Cell("t", project, group).key()
    return (bare, Cell("t", project, group, release).key()) if release else (bare,)


@lru_cache(_CACHED)
def ledger_cells(project: int, category: str) -> Cells:
    """Return the key of the ledger's cell of a category."""
    return (Cell("l", project, category).key(),)


def crash_windows(time: int, received: int) -> Windows:
    """Return the windows of ``app.cells.windows`` (times in ms) from a cache: all times of one minute have the same."""
    late, taken = received - time, len(_LATE_MS)
    for limit in _LATE_MS:
        if late <= limit:
            break
        taken -= 1
    return _windows(time // _MINUTE_MS, taken)


def ledger_windows(received: int) -> Windows:
    """Return the ledger's only window: the minute of receipt (ms)."""
    return _minute(received // _MINUTE_MS)


@lru_cache(_CACHED)
def _windows(minute: int, taken: int) -> Windows:
    second = minute * MINUTE
    return tuple((size, second - second % size) for size in SIZES[len(SIZES) - taken :])


@lru_cache(_CACHED)
def _minute(minute: int) -> Windows:
    return ((MINUTE, minute * MINUTE),)


class Spread:
    """Collects the entries of one batch, in the order of their offsets, for ``partitions`` partitions of ``deltas``."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._entries: list[Entry] = []
        self._columns: dict[tuple[Cells, Windows], list[int]] = {}
        self._groups: dict[str, GroupFacts] = {}
        self._spans: dict[str, _Span] = {}
        self._sights: dict[str, list[bytes]] = {}

    def add(self, cells: Cells, windows: Windows, entry: Entry) -> None:
        """Count ``entry`` in each of the windows of each of the cells."""
        column = self._columns.get((cells, windows))
        if column is None:
            self._columns[cells, windows] = column = []
        column.append(len(self._entries))
        self._entries.append(entry)

    def is_first(self, cell: str, time: int) -> bool:
        """Return whether an entry of ``time`` (ms) is the first of a (project, group) cell, of those added so far."""
        known = self._groups.get(cell)
        return known is None or time < known.first_seen

    def add_group(self, cell: str, facts: GroupFacts) -> None:
        """Name a group by its first entry in this batch: of equal times the one of the least offset (``is_first``)."""
        self._groups[cell] = facts
        self._spans.setdefault(cell, _Span(facts.last_seen, facts.unhandled))
        self.widen_group(cell, facts.last_seen, unhandled=facts.unhandled)

    def widen_group(self, cell: str, time: int, *, unhandled: bool) -> None:
        """Widen last seen of a group of this batch to ``time`` (ms); it is unhandled if any of its entries is."""
        span = self._spans[cell]
        span.last_seen = max(span.last_seen, time)
        span.unhandled |= unhandled

    def add_sight(self, cell: str, features: bytes) -> None:
        """Add the features of an event of a group of this batch: its first in a build."""
        self._sights.setdefault(cell, []).append(features)

    def deal(self, source: Source, first: int, last: int, received: int) -> list[Delta]:
        """Return the delta of the span ``first..last`` for every partition of ``deltas``, in order, empty or not."""
        parts = [_Part() for _ in range(self._partitions)]
        for (cells, windows), column in self._columns.items():
            for cell in cells if windows else ():
                parts[_home(cell, self._partitions)].add(cell, windows, column, self._entries)
        for cell in self._groups:
            parts[_home(cell, self._partitions)].groups[cell] = self._facts_of(cell)
        return [
            Delta(
                schema=DELTA_SCHEMA,
                topic=source.topic,
                partition=source.partition,
                first=first,
                last=last,
                received=received,
                entries=part.entries,
                cells=part.by_window(),
                groups=part.groups,
            )
            for part in parts
        ]

    def _facts_of(self, cell: str) -> GroupFacts:
        facts, span, sights = self._groups[cell], self._spans[cell], tuple(self._sights.get(cell, ()))
        if not sights and (span.last_seen, span.unhandled) == (facts.last_seen, facts.unhandled):
            return facts
        return msgspec.structs.replace(facts, last_seen=span.last_seen, unhandled=span.unhandled, sights=sights)


@dataclass(slots=True)
class _Span:
    """What the entries of a group say together: when the last happened (ms), and if any was unhandled."""

    last_seen: int
    unhandled: bool


class _Part:
    """The entries and groups of one partition of ``deltas``."""

    __slots__ = ("_local", "_rows", "entries", "groups")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.groups: dict[str, GroupFacts] = {}
        self._local: dict[int, int] = {}
        self._rows: dict[str, dict[tuple[int, int], list[int]]] = {}

    def add(self, cell: str, windows: Windows, column: list[int], entries: list[Entry]) -> None:
        local, own = self._local, self.entries
        for index in column:
            if index not in local:
                local[index] = len(own)
                own.append(entries[index])
        indices = [local[index] for index in column]
        rows = self._rows.setdefault(cell, {})
        for window in windows:
            rows.setdefault(window, []).extend(indices)

    def by_window(self) -> dict[str, list[tuple[int, int, list[int]]]]:
        return {cell: [(*window, indices) for window, indices in rows.items()] for cell, rows in self._rows.items()}
