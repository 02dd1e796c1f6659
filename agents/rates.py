"""Role rates: ``deltas`` → windows, groups and progress in PostgreSQL → the table ``windows`` and its topic ``rates``.

For each batch, in this order: what it changes is computed from progress and the fast copy of the rows; one transaction
writes it by compare-and-set; the rows as they are now stored are published and kept in the table; the loop commits. A
kill in between leaves nothing done, or a batch that is skipped when it comes again and published from PostgreSQL.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Protocol

import asyncpg
import structlog

from agents import metrics
from app.cells import MINUTE
from app.codec import Delta, decode_delta
from app.housekeeping import keeping
from app.log.batch import Batch, Claim
from app.log.connect import OPTIONS
from app.log.contract import Bounds
from app.stores.aggregates import Aggregates
from app.topics import DELTAS, RATES, SOURCES, Source, qualified
from tables import windows
from tables.fold import Fold, Hole, Progress, watermark
from tables.windows import Row, WindowKey, decode_value, encode_key, encode_row, version_of

if TYPE_CHECKING:
    from app.stream import RoleApp

MOST_ROWS: Final = 4000
"""Rows after which a transaction is closed: bounds memory and the time that progress is locked."""
EXPIRE_MOST: Final = 2000
"""Rows that one batch takes out of the table at most, so that no batch waits for long."""

log = structlog.get_logger()


class Table(Protocol):
    """What is used of ``tables.durable.DurableTable``."""

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
    app.resource("housekeeping", lambda: keeping(app.settings, app.log))


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
        fold = Fold(self._generation, await self._known(batch.topic, claim))
        for record in batch.records:
            await self._take(fold, record.offset, decode_delta(record.value or b""))
            if len(fold.rows) + len(fold.again) >= MOST_ROWS:
                await self._write(fold, batch.topic, claim)
                fold = Fold(self._generation, await self._known(batch.topic, claim))
        await self._write(fold, batch.topic, claim)

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

    async def _write(self, fold: Fold, topic: str, claim: Claim) -> None:
        partition = claim.partition
        rows: dict[WindowKey, Row] = {}
        if fold.after or fold.rows:
            rows = await self._store().flush(topic, partition, fold, self._bases(partition, list(fold.rows)))
        progress = {**fold.before, **fold.after}
        self._progress[partition] = (claim.epoch, progress)
        told_before = await self._unpublished(partition, fold, rows)
        self._expire(claim, watermark(progress, self._sources()))
        for key, row in (told_before | rows).items():
            self._table.stage(partition, encode_key(key), encode_row(row))
        await self._table.flush(partition)
        metrics.ROWS.labels("counted").inc(len(rows))
        metrics.ROWS.labels("published again").inc(len(told_before))

    def _bases(self, partition: int, keys: Sequence[WindowKey]) -> dict[WindowKey, Row]:
        values = self._table.read_many(partition, [encode_key(key) for key in keys])
        return {key: decode_value(value) for key, value in zip(keys, values, strict=True) if value is not None}

    async def _unpublished(self, partition: int, fold: Fold, rows: Mapping[WindowKey, Row]) -> dict[WindowKey, Row]:
        """Read the rows of entries that were counted before, where the table does not show that they were published."""
        keys = [key for key in fold.again if key not in rows]
        values = self._table.read_many(partition, [encode_key(key) for key in keys])
        known = zip(keys, values, strict=True)
        missing = [key for key, value in known if value is None or version_of(value) < fold.again[key]]
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


@asynccontextmanager
async def _aggregates(url: str) -> AsyncIterator[Aggregates]:
    async with asyncpg.create_pool(url, min_size=0, max_size=4, **OPTIONS) as pool:
        yield Aggregates(pool)
