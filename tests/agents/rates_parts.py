"""Helpers of the rates agent's tests: a table and a store that can die at each step, deltas of one window."""

from collections.abc import Iterator, Sequence

from agents.rates import Rates
from app.cells import MINUTE, Cell
from app.log.contract import Bounds, Record
from app.records import Delta, Entry, encode_delta
from app.stores.aggregates.store import Aggregates
from app.stores.errors import StoreUnavailable
from app.topics import Source
from tables.fold import Fold
from tables.windows import Row, WindowKey, newest
from tests.support.rates_truth import NOON, SOURCES, TOPIC

CELL = Cell("c", 7).key()
SOURCE = SOURCES[0]
KEY = WindowKey(CELL, MINUTE, NOON)


class Killed(Exception):
    """The process ended here."""


class Table:
    """A durable table of one process: a changelog that outlives it and a local store that may not."""

    def __init__(self) -> None:
        self.changelog: list[tuple[bytes, bytes | None]] = []
        self.local: dict[bytes, bytes] = {}
        self.staged: dict[bytes, bytes | None] = {}
        self.only_local: dict[bytes, bytes | None] = {}
        self.fail: list[str] = []

    def read_many(self, _partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return staged values, else local ones."""
        staged = self.staged | self.only_local
        return [staged[key] if key in staged else self.local.get(key) for key in keys]

    def scan(self, _partition: int, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield local values."""
        return iter(sorted((key, value) for key, value in self.local.items() if key.startswith(prefix)))

    def stage(self, _partition: int, key: bytes, value: bytes | None) -> None:
        """Stage a record."""
        self.staged[key] = value

    def stage_local(self, _partition: int, key: bytes, value: bytes | None) -> None:
        """Stage what the local store holds of a record."""
        self.only_local[key] = value

    async def flush(self, _partition: int) -> None:
        """Publish, then write locally; may die in between."""
        self._fault("before publishing")
        self.changelog += self.staged.items()
        self._fault("after publishing")
        for key, value in (self.staged | self.only_local).items():
            self.write(key, value)
        self.staged.clear()
        self.only_local.clear()

    def write(self, key: bytes, value: bytes | None) -> None:
        """Apply the local writes of a record."""
        for where, what in newest(self._known, key, value):
            if what is None:
                self.local.pop(where, None)
            else:
                self.local[where] = what

    def _known(self, key: bytes) -> bytes | None:
        return self.local.get(key)

    def restart(self, *, local: dict[bytes, bytes]) -> None:
        """Start from a local store, recovered from the changelog."""
        self.staged.clear()
        self.only_local.clear()
        self.fail.clear()
        self.local = dict(local)
        for key, value in self.changelog:
            self.write(key, value)

    def _fault(self, step: str) -> None:
        if step in self.fail:
            self.fail.remove(step)
            raise Killed(step)


class Store(Aggregates):
    """The real store, which can be cut off before or after its transaction."""

    fail: list[str]

    async def flush(self, topic: str, partition: int, fold: Fold, bases: dict[WindowKey, Row]) -> dict[WindowKey, Row]:  # type: ignore[override]  # the agent gives a dict
        """Flush; may be cut off before or after."""
        if "before the transaction" in self.fail:
            self.fail.remove("before the transaction")
            raise Killed
        rows = await super().flush(topic, partition, fold, bases)
        if "after the transaction" in self.fail:
            self.fail.remove("after the transaction")
            raise StoreUnavailable
        return rows


class Starts:
    """Returns only where source topics start."""

    def __init__(self, start: int) -> None:
        self.start = start

    async def bounds(self, topic: str) -> dict[int, Bounds]:
        """Return the bounds."""
        return {source.partition: Bounds(self.start, 10**6) for source in SOURCES if source.topic == topic}


def agent(table: Table, store: Aggregates, *, start: int = 0) -> Rates:
    return Rates(table, lambda: store, lambda: Starts(start), lambda: SOURCES, 1)


def one(offset: int, a: int, b: int, *, source: Source = SOURCE, received: int = 0, key: WindowKey = KEY) -> Record:
    """Return a delta whose every offset counts one crash in one window."""
    entries = [Entry(at, {"crashes": 1}, {"users": at}) for at in range(a, b + 1)]
    cells = {key.cell: [(key.size, key.start, list(range(len(entries))))]} if entries else {}
    value = encode_delta(Delta(1, source.topic, source.partition, a, b, received, entries, cells, {}))
    return Record(TOPIC, 0, offset, None, value, {}, 0)


async def stored(store: Aggregates, key: WindowKey = KEY) -> Row | None:
    return (await store.rows([key])).get(key)


async def crashes(store: Aggregates, key: WindowKey = KEY) -> int:
    row = await stored(store, key)
    return row.counts["crashes"] if row else 0
