"""A model of one source partition: owners with state tables, kills, zombies, compaction, redelivery with other cuts.

An owner takes the next records after the last commit, asks the rules under test what they count, sends that to
``deltas``, writes its state (changelog, then the local store) and commits. It may be killed between any two of these,
or be cut off (a zombie) and finish its writes at any later time. ``deltas`` are applied as the rates agent does: an
offset at or below progress counts nothing more, and an offset gap fails.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from tables.behind import CommittedReceived

Write = tuple[bytes, bytes | None]
Read = Callable[[bytes], bytes | None]
Local = dict[bytes, bytes]
Counted = tuple[int, Any]


class Rules(Protocol):
    """The rules under test: which records count, and how state is kept."""

    def process(self, records: Iterable[Any], read: Read, epoch: int) -> tuple[list[Counted], list[Write]]:
        """Return (offset, counts) of each record that counts, and the changelog records to write."""

    def localise(self, read: Read, key: bytes, value: bytes | None) -> Iterator[Write]:
        """Return the local writes of a changelog record."""

    def expired(self, local: Local, received: int) -> list[bytes]:
        """Return the changelog keys that may be deleted."""


class Changelog:
    """A compacted topic: the older record of a key goes when a newer is written."""

    def __init__(self) -> None:
        self.records: dict[bytes, tuple[int, bytes | None]] = {}
        self.end = 0

    def append(self, writes: Iterable[Write]) -> int:
        for key, value in writes:
            self.records.pop(key, None)
            self.records[key] = (self.end, value)
            self.end += 1
        return self.end - 1

    def forget_deleted(self) -> None:
        """Drop the deletions themselves, as compaction does in the end."""
        self.records = {key: record for key, record in self.records.items() if record[1] is not None}


class Store:
    """The local store and how far the changelog is in it."""

    def __init__(self) -> None:
        self.data: Local = {}
        self.offset = -1

    def copy(self) -> "Store":
        other = Store()
        other.data, other.offset = dict(self.data), self.offset
        return other

    def apply(self, rules: Rules, writes: Iterable[Write], offset: int) -> None:
        for key, value in writes:
            for name, entry in rules.localise(self.data.get, key, value):
                if entry is None:
                    self.data.pop(name, None)
                else:
                    self.data[name] = entry
        self.offset = offset


class World:
    """The log, the changelog, what was committed and what was counted."""

    def __init__(self, rules: Rules, records: list[Any], chance: random.Random) -> None:
        self.rules = rules
        self.records = records
        self.chance = chance
        self.changelog = Changelog()
        self.committed = 0
        self.progress = -1
        self.counted: list[Counted] = []
        self.epochs = 0
        self.left_behind: list[Store] = [Store()]
        self.late: list[Iterator[None]] = []

    def deliver(self, a: int, b: int, counted: list[Counted]) -> None:
        assert a <= self.progress + 1, "an offset gap"
        self.counted += [entry for entry in counted if entry[0] > self.progress]
        self.progress = max(self.progress, b)

    def run(self) -> list[Counted]:
        """Run until everything is committed and all zombies have written; return the counts."""
        while self.committed < len(self.records):
            self._claim()
        for zombie in self.late:
            for _ in zombie:
                pass
        return self.counted

    def _claim(self) -> None:
        self.epochs += 1
        store = self.chance.choice([*self.left_behind, Store()]).copy()
        if self.chance.random() < 0.3:
            self.changelog.forget_deleted()
        self._follow(store)
        self._own(store, CommittedReceived(self.epochs))
        self.left_behind = [*self.left_behind[-2:], store]

    def _own(self, store: Store, behind: CommittedReceived) -> None:
        """Handle batches until the end, a kill, or the loss of the partition within a batch."""
        position, accepted = self.committed, None
        while position < len(self.records):
            batch = self.records[position : position + self.chance.randrange(1, 5)]
            steps = self._batch(batch, store, behind, behind.received(accepted))
            for _ in steps:
                self._wake()
                if self.chance.random() < 0.08:
                    if self.chance.random() < 0.6:
                        self.late.append(steps)
                    return
            position = batch[-1].offset + 1
            if self.chance.random() < 0.7:
                self.committed, accepted = position, position - 1

    def _follow(self, store: Store) -> None:
        """Bring a local store up to the changelog's end, also over what another owner wrote in between."""
        for key, (offset, value) in list(self.changelog.records.items()):
            if offset > store.offset:
                store.apply(self.rules, [(key, value)], offset)
        store.offset = self.changelog.end - 1

    def _wake(self) -> None:
        if self.late and self.chance.random() < 0.2:
            zombie = self.chance.choice(self.late)
            if next(zombie, zombie) is zombie:
                self.late.remove(zombie)

    def _batch(self, batch: list[Any], store: Store, behind: CommittedReceived, received: int | None) -> Iterator[None]:
        counted, writes = self.rules.process(batch, store.data.get, behind.epoch)
        yield
        self.deliver(batch[0].offset, batch[-1].offset, counted)
        yield
        gone: list[Write] = []
        if received is not None:
            gone = [(key, None) for key in self.rules.expired(store.data, received)]
        self.changelog.append(dict([*gone, *writes]).items())
        yield
        self._follow(store)
        behind.handled(batch[-1].offset, max(record.received for record in batch))
        yield
