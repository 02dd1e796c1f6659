"""The ledger: what became of every record, by minute received and category (API.md, "HTTP API").

Records in flight are counted, never computed as the remainder of a sum: they are the records of the log that the
progress of their ledger cell has not reached, by the same snapshot of PostgreSQL as the counts.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from app.cells import MINUTE, Cell, home
from app.log.contract import Log, Record
from app.model import Facts
from app.records import UNATTRIBUTED, category_of, decode_facts
from app.stores.aggregates.rows import Connection, counts_of
from app.stores.aggregates.types import LedgerMinute, LedgerQuery, LostQuantity
from app.topics import DELTAS, FACTS, SOURCES, Source, qualified

OUTCOMES: Final = ("grouped", "duplicate", "filtered", "rate_limited", "dead_lettered")
LOST: Final = "lost:"
"""Prefix of the counts of what SDKs did not send; the reason follows."""

MAX_READ: Final = 20_000
"""Records of one source partition that are read one by one, some seconds of work; those behind them are counted by
offsets, for the minute of the last one read."""

_ROWS = """
select start, grp, counts from windows
where kind = 'l' and size = $1 and start >= $2 and start < $3 and ($4::bigint[] is null or project = any($4))"""

_PROGRESS = "select deltas_partition, source_topic, source_partition, last from progress where deltas_topic = $1"

MinuteKey = tuple[int, str]
"""Start of a minute (s) and category."""


class _AppliedOffsets(NamedTuple):
    """The greatest offset of each source that each partition of ``deltas`` has counted."""

    partitions: int
    last: Mapping[tuple[int, Source], int]

    def covers(self, source: Source, offset: int, cell: str) -> bool:
        """Return whether the ledger cell includes what this offset added to it."""
        return self.last.get((home(cell, self.partitions), source), -1) >= offset

    def least(self, source: Source, start: int) -> int:
        """Return the first offset of a source that may not be counted everywhere, not below ``start``."""
        return max(start, 1 + min(self.last.get((d, source), -1) for d in range(self.partitions)))


async def read_ledger(
    connection: Connection, query: LedgerQuery, log: Log | None = None, generation: int = 1
) -> list[LedgerMinute]:
    """Return the minutes of a range in order. Without a log nothing counts as in flight."""
    low, high = query.start_ms // 1000 // MINUTE * MINUTE, -(-query.end_ms // 1000 // MINUTE) * MINUTE
    projects = None if query.projects is None else list(query.projects)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        records = await connection.fetch(_ROWS, MINUTE, low, high, projects)
        applied = await _read_applied(connection, log, generation) if log else None
    sums: dict[MinuteKey, Counter[str]] = {}
    for record in records:
        sums.setdefault((record["start"], record["grp"]), Counter()).update(counts_of(record))
    if log and applied:
        for (minute, category), quantity in (await _count_in_flight(log, generation, applied, projects)).items():
            if low <= minute < high:
                sums.setdefault((minute, category), Counter())["in_flight"] += quantity
    return [_minute(minute, category, counts) for (minute, category), counts in sorted(sums.items())]


async def _read_applied(connection: Connection, log: Log, generation: int) -> _AppliedOffsets:
    """Read how far each source is counted on each partition of ``deltas``."""
    topic = qualified(generation, DELTAS)
    partitions = len(await log.bounds(topic))
    return _AppliedOffsets(
        partitions,
        {
            (record["deltas_partition"], Source(record["source_topic"], record["source_partition"])): record["last"]
            for record in await connection.fetch(_PROGRESS, topic)
        },
    )


async def _count_in_flight(
    log: Log, generation: int, applied: _AppliedOffsets, projects: Collection[int] | None = None
) -> Counter[MinuteKey]:
    """Count the records of the log that are not counted yet, by minute received and category.

    With ``projects`` the records behind the first ``MAX_READ`` are left out: their project is unknown.
    """
    quantities: Counter[MinuteKey] = Counter()
    for name in SOURCES:
        topic = qualified(generation, name)
        for partition, bounds in (await log.bounds(topic)).items():
            source = Source(topic, partition)
            offsets = range(applied.least(source, bounds.start), bounds.end)
            quantities += await _count_in_flight_of(log, source, offsets, applied, projects)
    return quantities


async def _count_in_flight_of(
    log: Log, source: Source, offsets: range, applied: _AppliedOffsets, projects: Collection[int] | None
) -> Counter[MinuteKey]:
    quantities: Counter[MinuteKey] = Counter()
    at, read = offsets.start, 0
    last: MinuteKey | None = None
    while at < offsets.stop and read < MAX_READ:
        records = await log.read(source.topic, source.partition, at)
        if not records:
            return quantities
        for record in records:
            for cell, minute, quantity in _ledger_entries(record):
                if projects is not None and cell.project not in projects:
                    continue
                if not applied.covers(source, record.offset, cell.key()):
                    quantities[minute] += quantity
                    last = minute
        at, read = records[-1].offset + 1, read + len(records)
    if last and at < offsets.stop and projects is None:
        quantities[last] += offsets.stop - at
    return quantities


def _ledger_entries(record: Record) -> Iterator[tuple[Cell, MinuteKey, int]]:
    """Yield the ledger cells that a source record will count in and the quantities, as its agent does."""
    facts = _facts(record)
    if facts is None:
        yield _ledger_entry(UNATTRIBUTED, category_of(record.topic), record.stamp, 1)
    elif facts.kind == "refused":
        for refused in facts.refused:
            yield _ledger_entry(facts.project, refused.category, facts.received, refused.quantity)
    else:
        yield _ledger_entry(facts.project, facts.category, facts.received, 1)


def _ledger_entry(project: int, category: str, received: int, quantity: int) -> tuple[Cell, MinuteKey, int]:
    second = received // 1000
    return Cell("l", project, category), (second - second % MINUTE, category), quantity


def _facts(record: Record) -> Facts | None:
    try:
        return decode_facts(record.headers[FACTS])
    except (KeyError, ValueError):  # its agent makes it a dead letter, which belongs to no project
        return None


def _minute(start: int, category: str, counts: Counter[str]) -> LedgerMinute:
    outcomes = {name: counts[name] for name in (*OUTCOMES, "in_flight")}
    lost = sorted((name.removeprefix(LOST), number) for name, number in counts.items() if name.startswith(LOST))
    return LedgerMinute(
        start=datetime.fromtimestamp(start, UTC).isoformat().replace("+00:00", "Z"),
        category=category,
        accepted=sum(outcomes.values()),
        **outcomes,
        lost=[LostQuantity(reason, category, number) for reason, number in lost],
    )
