"""Random events, cut into deltas as agents (and their zombies) would, and the expected rows."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from app.cells import DAY, HOUR, MINUTE, Cell, home
from app.log.batch import Batch
from app.log.contract import Record
from app.records import Delta, Entry, GroupFacts, encode_delta
from app.topics import Source
from tables import sketch
from tables.windows import WindowKey

NOON = 1_700_006_400
TOPIC = "1.deltas"
SOURCES = [Source(f"1.{name}", p) for name in ("crashes", "sessions") for p in (0, 1)]


class Event(NamedTuple):
    """One source offset: where it counts, and as what."""

    offset: int
    time: int
    group: str
    release: str
    user: int

    def cells(self) -> list[str]:
        """Return every roll-up cell that it counts in."""
        bare = [Cell("c", 7), Cell("c", 7, self.group)]
        named = [Cell("c", 7, "", self.release), Cell("c", 7, self.group, self.release)] if self.release else []
        return [cell.key() for cell in bare + named]

    def windows(self) -> list[tuple[int, int]]:
        """Return its windows."""
        return [(size, self.time - self.time % size) for size in (MINUTE, HOUR, DAY)]


def events(order: random.Random, count: int) -> list[Event]:
    """Return the events of one source."""
    return [
        Event(
            offset,
            NOON + order.randrange(4000),
            order.choice(["ga", "gb", "gc"]),
            order.choice(["", "v1", "v:2"]),
            order.randrange(30),
        )
        for offset in range(count)
    ]


def delta(source: Source, found: Sequence[Event], d: int, partitions: int, a: int, b: int, received: int) -> Delta:
    """Return the delta of the span [a, b] for partition ``d``."""
    entries: list[Entry] = []
    cells: dict[str, dict[tuple[int, int], list[int]]] = {}
    groups: dict[str, GroupFacts] = {}
    for event in found[a : b + 1]:
        own = [cell for cell in event.cells() if home(cell, partitions) == d]
        for cell in own:
            for window in event.windows():
                cells.setdefault(cell, {}).setdefault(window, []).append(len(entries))
            if cell == Cell("c", 7, event.group).key():
                groups[cell] = _facts(event, groups.get(cell))
        if own:
            entries.append(Entry(event.offset, {"crashes": 1}, {"users": event.user}))
    listed = {cell: [(*window, at) for window, at in windows.items()] for cell, windows in cells.items()}
    return Delta(1, source.topic, source.partition, a, b, received, entries, listed, groups)


def _facts(event: Event, known: GroupFacts | None) -> GroupFacts:
    time = event.time * 1000
    last = max(time, known.last_seen if known else time)
    if known is not None and time >= known.first_seen:
        return msgspec.structs.replace(known, last_seen=last)
    title = f"{event.group} at {event.offset}"
    return GroupFacts(title, "f", "python", "error", "E", time, last, False, event.release, "e", event.offset, "g1")


def log_of(order: random.Random, all_events: Mapping[Source, Sequence[Event]], d: int, partitions: int) -> list[Record]:
    """Return one partition of ``deltas``: spans in order and without gaps, some again, cut differently, some empty."""
    position = dict.fromkeys(all_events, 0)
    records: list[Record] = []
    while any(position[source] < len(found) for source, found in all_events.items()):
        source = order.choice(list(all_events))
        found = all_events[source]
        back = order.choice([0, 0, 0, 3, 8])
        a = max(0, position[source] - back)
        b = min(len(found) - 1, a + order.randrange(-1, 12))
        position[source] = max(position[source], b + 1)
        value = encode_delta(delta(source, found, d, partitions, a, b, 1_000_000 + b))
        records.append(Record(TOPIC, d, len(records), None, value, {}, 0))
    return records


def batches(order: random.Random, records: Sequence[Record], start: int) -> Iterator[Batch]:
    """Cut the records from offset ``start`` on into batches."""
    while start < len(records):
        end = min(len(records), start + order.randrange(1, 9))
        yield batch(records[start:end])
        start = end


def batch(records: Sequence[Record]) -> Batch:
    """Return a batch of these records."""
    return Batch(topic=records[0].topic, partition=records[0].partition, records=list(records))


def truth(all_events: Mapping[Source, Sequence[Event]]) -> dict[WindowKey, tuple[int, bytes]]:
    """Return every window of every cell, counted directly: crashes, and the sketch of their users."""
    crashes: Counter[WindowKey] = Counter()
    users: dict[WindowKey, set[int]] = {}
    for event in (event for found in all_events.values() for event in found):
        for cell in event.cells():
            for size, start in event.windows():
                key = WindowKey(cell, size, start)
                crashes[key] += 1
                users.setdefault(key, set()).add(event.user)
    return {key: (crashes[key], sketch.add(sketch.EMPTY, users[key])) for key in crashes}
