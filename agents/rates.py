"""Role rates: ``deltas`` → windows, groups and progress in PostgreSQL → the table ``windows`` and its topic ``rates``.

For each batch, in this order: what it changes is computed from progress and the fast copy of the rows; one transaction
writes it by compare-and-set; the rows as they are now stored are published and kept in the table; the loop commits. A
kill in between leaves nothing done, or a batch that is skipped when it comes again and published from PostgreSQL.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

import asyncpg
import structlog

from agents import metrics
from app.cells import MINUTE
from app.log.batch import Batch, Claim
from app.log.contract import Bounds
from app.log.postgres.connect import OPTIONS
from app.records import Delta, decode_delta
from app.stores.aggregates.store import Aggregates
from app.topics import DELTAS, RATES, SOURCES, Source, qualified
from tables import windows
from tables.fold import Fold, Hole, Progress, watermark
from tables.windows import Row, WindowKey, decode_value, encode_key, encode_row, version_of

if TYPE_CHECKING:
    from app.stream.role import RoleApp

MOST_ROWS: Final = 4000
"""Rows after which a transaction is closed: bounds memory and the time that progress is locked."""
MOST_BYTES: Final = 4 << 20
"""Bytes of stored rows after which it is closed too: a row of many users has 12 KiB a sketch, and a row that is written
is in memory some eight times (as it was, as it is, and on its way to PostgreSQL, to ``rates`` and to the table)."""
LOOKED_AT: Final = 256
"""Rows of the table that are read at once to see whether they were published."""
EXPIRE_MOST: Final = 2000
"""Rows that one batch takes out of the table at most, so that no batch waits for long."""

log = structlog.get_logger()


class Table(Protocol):
    """What is used of ``app.state.table.DurableTable``."""

    def read_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """Give staged values, else those of the local store."""
        ...

    def scan(self, partition: int, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Go through the local store in key order."""
        ...

    def stage(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Note a record for the changelog."""
        ...

    async def flush(self, partition: int) -> None:
        """Publish what is staged, then write it to the local store; on error the stage is kept."""
        ...


class Ends(Protocol):
    """What is used of the log beside the table's changelog."""

    async def bounds(self, topic: str) -> dict[int, Bounds]:
        """Give start and end of every partition."""
        ...


def setup(app: "RoleApp") -> None:
    """Register the role on its App."""
    store = app.resource("aggregates", lambda: _aggregates(app.settings.database_url))
    table = app.durable_table("windows", source=DELTAS, changelog=RATES, localise=windows.newest)

    def sources() -> list[Source]:
        return [Source(qualified(app.generation, name), p) for name in SOURCES for p in range(app.partitions(name))]

    rates = Rates(table, lambda: store.value, lambda: app.log, sources, app.generation)
    app.consume(DELTAS, rates.handle)


class Rates:
    """Counts what deltas add, each source offset once."""

    def __init__(
        self,
        table: Table,
        store: Callable[[], Aggregates],
        log_of: Callable[[], Ends],
        sources: Callable[[], Sequence[Source]],
        generation: int,
    ) -> None:
        """Take the fast copy, what is open only while the role runs, and the generation of ``deltas``."""
        self._table = table
        self._store = store
        self._log = log_of
        self._sources = sources
        self._generation = generation
        self._progress: dict[int, tuple[int, Mapping[Source, Progress]]] = {}
        self._looked_at: dict[int, int] = {}

    async def handle(self, batch: Batch, claim: Claim) -> None:
        """Count one batch; on return it is stored and published. May be called again with it after any error.

        Raises Hole, Fenced and UnknownSchema, on which no retry helps.
        """
        if not batch.records:
            return
        try:
            await self._count(batch, claim)
        except BaseException:
            # Whether the transaction was written is not known: progress is read again before the next try.
            self._progress.pop(claim.partition, None)
            raise

    async def _count(self, batch: Batch, claim: Claim) -> None:
        share = await self._begin(batch.topic, claim)
        for record in batch.records:
            await self._take(share.fold, record.offset, decode_delta(record.value or b""))
            if share.full():
                await self._write(share, batch.topic, claim)
                share = await self._begin(batch.topic, claim)
        await self._write(share, batch.topic, claim)

    async def _begin(self, topic: str, claim: Claim) -> "_Share":
        def stored(keys: Sequence[WindowKey]) -> list[bytes | None]:
            return self._table.read_many(claim.partition, [encode_key(key) for key in keys])

        return _Share(Fold(self._generation, await self._known(topic, claim)), stored)

    async def _take(self, fold: Fold, offset: int, delta: Delta) -> None:
        try:
            fold.take(offset, delta)
        except Hole as hole:
            await self._lost(hole)
            fold.skip_to(hole.source, hole.first)
            fold.take(offset, delta)

    async def _lost(self, hole: Hole) -> None:
        """Tell of a hole that retention made (the source's log starts behind it too); raise any other."""
        topic, partition = hole.source
        if hole.first > (await self._log().bounds(topic))[partition].start:
            raise hole
        log.error("lost_by_retention", topic=topic, partition=partition, records=hole.first - hole.expected)

    async def _write(self, share: "_Share", topic: str, claim: Claim) -> None:
        partition, fold = claim.partition, share.fold
        rows: dict[WindowKey, Row] = {}
        if fold.after or fold.rows:
            rows = await self._store().flush(topic, partition, fold, share.bases())
        progress = {**fold.before, **fold.after}
        self._progress[partition] = (claim.epoch, progress)
        told_before = await self._unpublished(partition, fold, rows)
        self._expire(claim, watermark(progress, self._sources()))
        for key, row in (told_before | rows).items():
            self._table.stage(partition, encode_key(key), encode_row(row))
        await self._table.flush(partition)
        metrics.ROWS.labels("counted").inc(len(rows))
        metrics.ROWS.labels("published again").inc(len(told_before))

    async def _unpublished(self, partition: int, fold: Fold, rows: Mapping[WindowKey, Row]) -> dict[WindowKey, Row]:
        """Read the rows of entries that were counted before, where the table does not show that they were published."""
        keys = [key for key in fold.again if key not in rows]
        missing: list[WindowKey] = []
        for start in range(0, len(keys), LOOKED_AT):
            some = keys[start : start + LOOKED_AT]
            values = self._table.read_many(partition, [encode_key(key) for key in some])
            known = zip(some, values, strict=True)
            missing += [key for key, value in known if value is None or version_of(value) < fold.again[key]]
        return await self._store().rows(missing) if missing else {}

    def _expire(self, claim: Claim, reached: int | None) -> None:
        """Take out what the watermark has passed: once a minute of it, and again while there is more."""
        partition = claim.partition
        minute = -1 if reached is None else reached // (MINUTE * 1000)
        if reached is None or self._looked_at.get(partition) == minute:
            return
        keys = windows.expired(self._table.scan(partition, b""), reached, EXPIRE_MOST)
        for key in keys:
            self._table.stage(partition, key, None)
        metrics.EXPIRED.labels("rates").inc(len(keys))
        if len(keys) < EXPIRE_MOST:
            self._looked_at[partition] = minute

    async def _known(self, topic: str, claim: Claim) -> Mapping[Source, Progress]:
        """Give the stored progress; it is read once a claim, and after each failure."""
        epoch, progress = self._progress.get(claim.partition, (None, {}))
        if epoch != claim.epoch:
            progress = await self._store().progress(topic, claim.partition)
            self._progress[claim.partition] = (claim.epoch, progress)
            self._looked_at.pop(claim.partition, None)
        return progress


class _Share:
    """What one transaction will write: a fold, and the fast copy's rows that it changes, whose bytes bound it."""

    def __init__(self, fold: Fold, stored: Callable[[Sequence[WindowKey]], list[bytes | None]]) -> None:
        """Take the fold, still empty, and what reads the table."""
        self.fold = fold
        self._stored = stored
        self._values: dict[WindowKey, bytes | None] = {}
        self._bytes = 0

    def full(self) -> bool:
        """Tell whether the transaction is to be closed, by all rows that deltas have added to the fold by now."""
        self._read()
        return len(self.fold.rows) + len(self.fold.again) >= MOST_ROWS or self._bytes >= MOST_BYTES

    def bases(self) -> dict[WindowKey, Row]:
        """Give the rows that the fast copy has, once: their bytes are let go."""
        self._read()
        values, self._values = self._values, {}
        return {key: decode_value(value) for key, value in values.items() if value is not None}

    def _read(self) -> None:
        rows = self.fold.rows
        keys = list(islice(reversed(rows), len(rows) - len(self._values)))  # a dict gives them in the order they came
        values = self._stored(keys) if keys else []
        self._values.update(zip(keys, values, strict=True))
        self._bytes += sum(len(value) for value in values if value is not None)


@asynccontextmanager
async def _aggregates(url: str) -> AsyncIterator[Aggregates]:
    async with asyncpg.create_pool(url, min_size=0, max_size=4, **OPTIONS) as pool:
        yield Aggregates(pool)
