"""Role rates: ``deltas`` -> windows, groups and progress in PostgreSQL -> the table ``windows``, the topic ``rates``.

For each batch, in this order: its changes are computed from progress and the fast copy of the rows; one transaction
writes them by compare-and-set; the rows as stored are published and written to the table; the offset is committed. If
the process dies in between the batch is redelivered: what PostgreSQL has counted is skipped and published again from
there (EXACTNESS.md, "Rates").
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Final, Protocol

import structlog

from agents import metrics
from app.cells import MINUTE
from app.errors import MissingOffsets
from app.log.batch import Batch, Claim
from app.log.contract import Bounds
from app.records import Delta, decode_delta
from app.stores.aggregates.store import Aggregates
from app.stream.contract import Role
from app.topics import DELTAS, SOURCES, Source, qualified
from tables import windows
from tables.fold import Fold, OffsetGap, Progress, watermark
from tables.windows import Row, WindowKey, decode_value, encode_key, encode_row, encode_short, version_of, weight

MOST_ROWS: Final = 4000
"""Rows after which a transaction is closed: it bounds memory and the time for which progress is locked."""
MOST_BYTES: Final = 4 << 20
"""Bytes of stored rows after which it is closed too: a row of many users has 12 KiB a sketch, and a row being written
is in memory some eight times (before, after, and on its way to PostgreSQL, to ``rates`` and to the table)."""
READ_ROWS: Final = 256
"""Rows of the table that are read at once to check whether they were published."""
EXPIRE_MOST: Final = 2000
"""Rows that one batch deletes from the table at most, so that no batch waits for long."""

log = structlog.get_logger()


class Table(Protocol):
    """The used part of ``app.state.table.DurableTable``."""

    def read_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return staged values, else those of the local store."""
        ...

    def scan(self, partition: int, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the local store in key order."""
        ...

    def stage(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Stage a record for the changelog."""
        ...

    def stage_local(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Stage what the local store holds of a record."""
        ...

    async def flush(self, partition: int) -> None:
        """Publish the staged records, then write the local store; on an error they stay staged."""
        ...


class LogBounds(Protocol):
    """The used part of the log, beside the table's changelog."""

    async def bounds(self, topic: str) -> dict[int, Bounds]:
        """Return the bounds of every partition."""
        ...


def setup(role: Role) -> None:
    """Register the agent of the role."""
    store = role.resource("aggregates", lambda: _aggregates(role))
    table = role.durable_table(windows.TABLE)

    def sources() -> list[Source]:
        return [Source(qualified(role.generation, name), p) for name in SOURCES for p in range(role.partitions(name))]

    rates = Rates(table, lambda: store.value, lambda: role.log, sources, role.generation)
    role.consume(DELTAS, rates.handle)


class Rates:
    """Counts the entries of deltas, each source offset once.

    ``store`` and ``log_of`` return values that are open only while the role runs; ``sources`` are all configured ones;
    ``generation`` is that of ``deltas``.
    """

    def __init__(
        self,
        table: Table,
        store: Callable[[], Aggregates],
        log_of: Callable[[], LogBounds],
        sources: Callable[[], Sequence[Source]],
        generation: int,
    ) -> None:
        self._table = table
        self._store = store
        self._log = log_of
        self._sources = sources
        self._generation = generation
        self._progress: dict[int, tuple[int, Mapping[Source, Progress]]] = {}
        self._expired_minute: dict[int, int] = {}

    async def handle(self, batch: Batch, claim: Claim) -> None:
        """Count one batch; on return it is stored and published. It may be called again with it after any error.

        Raises MissingOffsets, Fenced and UnknownSchema, on which no retry helps.
        """
        if not batch.records:
            return
        try:
            await self._count(batch, claim)
        except BaseException:
            # It is not known whether the transaction was committed: progress is read again before the next try.
            self._progress.pop(claim.partition, None)
            raise

    async def _count(self, batch: Batch, claim: Claim) -> None:
        flush = await self._begin(batch.topic, claim)
        for record in batch.records:
            await self._add(flush.fold, record.offset, decode_delta(record.value or b""))
            if flush.full():
                await self._write(flush, batch.topic, claim)
                flush = await self._begin(batch.topic, claim)
        await self._write(flush, batch.topic, claim)

    async def _begin(self, topic: str, claim: Claim) -> "_Flush":
        def stored(keys: Sequence[WindowKey]) -> list[bytes | None]:
            return self._table.read_many(claim.partition, [encode_key(key) for key in keys])

        return _Flush(Fold(self._generation, await self._known(topic, claim)), stored)

    async def _add(self, fold: Fold, offset: int, delta: Delta) -> None:
        try:
            fold.take(offset, delta)
        except OffsetGap as gap:
            await self._report_lost(gap)
            fold.skip_to(gap.source, gap.received)
            fold.take(offset, delta)

    async def _report_lost(self, gap: OffsetGap) -> None:
        """Report a gap that retention made: the source starts after it too. Raises MissingOffsets for any other."""
        topic, partition = gap.source
        if gap.received > (await self._log().bounds(topic))[partition].start:
            raise MissingOffsets(topic, partition, gap.expected, gap.received) from gap
        log.error("lost_by_retention", topic=topic, partition=partition, records=gap.received - gap.expected)

    async def _write(self, flush: "_Flush", topic: str, claim: Claim) -> None:
        partition, fold = claim.partition, flush.fold
        rows: dict[WindowKey, Row] = {}
        if fold.after or fold.rows:
            rows = await self._store().flush(topic, partition, fold, await self._whole(flush.bases()))
        progress = {**fold.before, **fold.after}
        self._progress[partition] = (claim.epoch, progress)
        republished = await self._unpublished(partition, fold, rows)
        self._expire(claim, watermark(progress, self._sources()))
        for key, row in (republished | rows).items():
            where = encode_key(key)
            self._table.stage(partition, where, encode_short(row))
            self._table.stage_local(partition, where, encode_row(row))
        await self._table.flush(partition)
        metrics.ROWS.labels("counted").inc(len(rows))
        metrics.ROWS.labels("published again").inc(len(republished))

    async def _whole(self, bases: dict[WindowKey, Row]) -> dict[WindowKey, Row]:
        """Replace short rows, which are there after a recovery, by those of PostgreSQL."""
        short = [key for key, row in bases.items() if row.distinct is not None]
        if not short:
            return bases
        stored = await self._store().rows(short)
        return {key: row for key, row in bases.items() if row.distinct is None} | stored

    async def _unpublished(self, partition: int, fold: Fold, rows: Mapping[WindowKey, Row]) -> dict[WindowKey, Row]:
        """Return the rows of entries that were counted before, unless the table shows that they were published."""
        keys = [key for key in fold.again if key not in rows]
        missing: list[WindowKey] = []
        for start in range(0, len(keys), READ_ROWS):
            part = keys[start : start + READ_ROWS]
            values = self._table.read_many(partition, [encode_key(key) for key in part])
            known = zip(part, values, strict=True)
            missing += [key for key, value in known if value is None or version_of(value) < fold.again[key]]
        return await self._store().rows(missing) if missing else {}

    def _expire(self, claim: Claim, reached: int | None) -> None:
        """Delete the rows that the watermark has passed, once a minute of it, and again while there are more."""
        partition = claim.partition
        minute = -1 if reached is None else reached // (MINUTE * 1000)
        if reached is None or self._expired_minute.get(partition) == minute:
            return
        keys = windows.expired(self._table.scan(partition, b""), reached, EXPIRE_MOST)
        for key in keys:
            self._table.stage(partition, key, None)
        metrics.EXPIRED.labels("rates").inc(len(keys))
        if len(keys) < EXPIRE_MOST:
            self._expired_minute[partition] = minute

    async def _known(self, topic: str, claim: Claim) -> Mapping[Source, Progress]:
        """Return the stored progress, which is read once a claim and after each failure."""
        epoch, progress = self._progress.get(claim.partition, (None, {}))
        if epoch != claim.epoch:
            progress = await self._store().progress(topic, claim.partition)
            self._progress[claim.partition] = (claim.epoch, progress)
            self._expired_minute.pop(claim.partition, None)
        return progress


class _Flush:
    """The content of one transaction: a fold, and the fast copy's rows that it changes, whose bytes bound it.

    ``stored`` reads the table.
    """

    def __init__(self, fold: Fold, stored: Callable[[Sequence[WindowKey]], list[bytes | None]]) -> None:
        self.fold = fold
        self._stored = stored
        self._values: dict[WindowKey, bytes | None] = {}
        self._bytes = 0

    def full(self) -> bool:
        """Return whether the transaction must be closed, by the rows of the fold."""
        self._read()
        return len(self.fold.rows) + len(self.fold.again) >= MOST_ROWS or self._bytes >= MOST_BYTES

    def bases(self) -> dict[WindowKey, Row]:
        """Return the rows of the fast copy; call it once, as their bytes are dropped."""
        self._read()
        values, self._values = self._values, {}
        return {key: decode_value(value) for key, value in values.items() if value is not None}

    def _read(self) -> None:
        rows = self.fold.rows
        keys = list(islice(reversed(rows), len(rows) - len(self._values)))  # a dict keeps the order of insertion
        values = self._stored(keys) if keys else []
        self._values.update(zip(keys, values, strict=True))
        self._bytes += sum(weight(value) for value in values if value is not None)


@asynccontextmanager
async def _aggregates(role: Role) -> AsyncIterator[Aggregates]:
    async with role.pool() as pool:
        yield Aggregates(pool)
