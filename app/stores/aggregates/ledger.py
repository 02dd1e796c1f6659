"""The ledger: what became of every record, by minute received and category (API.md, "Ledger").

What is in flight is measured by itself: the records of the log that the progress of their ledger cell has not reached,
looked at by the same snapshot of PostgreSQL as the counts. It is never the remainder of a sum.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from app.cells import MINUTE, Cell, home
from app.log.contract import Log, Record
from app.model import Facts
from app.records import UNATTRIBUTED, category_of, decode_facts
from app.stores.aggregates.rows import Connection, counts_of
from app.topics import DELTAS, FACTS, SOURCES, Source, qualified

OUTCOMES: Final = ("grouped", "duplicate", "filtered", "rate_limited", "dead_lettered")
LOST: Final = "lost:"
MOST: Final = 20_000
"""Records of one source partition that are read one by one; what is behind them counts for the minute of the last."""

_ROWS = """
select start, grp, counts from windows
where kind = 'l' and size = $1 and start >= $2 and start < $3 and ($4::bigint[] is null or project = any($4))"""

_PROGRESS = "select deltas_partition, source_topic, source_partition, last from progress where deltas_topic = $1"

Minute = tuple[int, str]
"""Start of a minute (s) and category."""


class Applied(NamedTuple):
    """The greatest offset that each partition of ``deltas`` has counted of each source."""

    partitions: int
    last: Mapping[tuple[int, Source], int]

    def covers(self, source: Source, offset: int, cell: str) -> bool:
        """Tell whether the ledger cell holds what this offset added to it."""
        return self.last.get((home(cell, self.partitions), source), -1) >= offset

    def least(self, source: Source, start: int) -> int:
        """Give the first offset of a source that may not be counted everywhere, not below ``start``."""
        return max(start, 1 + min(self.last.get((d, source), -1) for d in range(self.partitions)))


async def minutes(
    connection: Connection,
    start: int,
    end: int,
    projects: Collection[int] | None,
    log: Log | None = None,
    generation: int = 1,
) -> list[dict[str, Any]]:
    """Give the ledger of [start, end) (ms, rounded outward to minutes) of some projects, or of all.

    Without a log nothing counts as in flight.
    """
    low, high = start // 1000 // MINUTE * MINUTE, -(-end // 1000 // MINUTE) * MINUTE
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        records = await connection.fetch(_ROWS, MINUTE, low, high, None if projects is None else list(projects))
        applied = await read_applied(connection, log, generation) if log else None
    sums: dict[Minute, Counter[str]] = {}
    for record in records:
        sums.setdefault((record["start"], record["grp"]), Counter()).update(counts_of(record))
    if log and applied:
        for (minute, category), quantity in (await in_flight(log, generation, applied, projects)).items():
            if low <= minute < high:
                sums.setdefault((minute, category), Counter())["in_flight"] += quantity
    return [_minute(minute, category, counts) for (minute, category), counts in sorted(sums.items())]


async def read_applied(connection: Connection, log: Log, generation: int) -> Applied:
    """Read how far each source is counted."""
    topic = qualified(generation, DELTAS)
    partitions = len(await log.bounds(topic))
    return Applied(
        partitions,
        {
            (record["deltas_partition"], Source(record["source_topic"], record["source_partition"])): record["last"]
            for record in await connection.fetch(_PROGRESS, topic)
        },
    )


async def in_flight(
    log: Log, generation: int, applied: Applied, projects: Collection[int] | None = None
) -> Counter[Minute]:
    """Count what the log holds beyond what is counted, by minute received and category.

    Of some projects, it is what was read one by one: whose the records behind ``MOST`` are is not known.
    """
    found: Counter[Minute] = Counter()
    for name in SOURCES:
        topic = qualified(generation, name)
        for partition, bound in (await log.bounds(topic)).items():
            await _in_flight_of(log, Source(topic, partition), bound.end, applied, projects, found, bound.start)
    return found


async def _in_flight_of(
    log: Log, source: Source, end: int, applied: Applied, projects: Collection[int] | None, found: Counter[Minute],
    start: int,
) -> None:  # fmt: skip
    at, seen = applied.least(source, start), 0
    last: Minute | None = None
    while at < end and seen < MOST:
        records = await log.read(source.topic, source.partition, at)
        if not records:
            return
        for record in records:
            for where, minute, quantity in _items(record):
                if projects is not None and where.project not in projects:
                    continue
                if not applied.covers(source, record.offset, where.key()):
                    found[minute] += quantity
                    last = minute
        at, seen = records[-1].offset + 1, seen + len(records)
    if last and at < end and projects is None:
        found[last] += end - at


def _items(record: Record) -> Iterator[tuple[Cell, Minute, int]]:
    """Give the ledger cells that a source record will count in, with how much, as its agent does it."""
    facts = _facts(record)
    if facts is None:
        yield _item(UNATTRIBUTED, category_of(record.topic), record.stamp, 1)
    elif facts.kind == "refused":
        for refused in facts.refused:
            yield _item(facts.project, refused.category, facts.received, refused.quantity)
    else:
        yield _item(facts.project, facts.category, facts.received, 1)


def _item(project: int, category: str, received: int, quantity: int) -> tuple[Cell, Minute, int]:
    second = received // 1000
    return Cell("l", project, category), (second - second % MINUTE, category), quantity


def _facts(record: Record) -> Facts | None:
    try:
        return decode_facts(record.headers[FACTS])
    except (KeyError, ValueError):  # will become a dead letter that belongs to no project
        return None


def _minute(start: int, category: str, counts: Counter[str]) -> dict[str, Any]:
    outcomes = {name: counts[name] for name in (*OUTCOMES, "in_flight")}
    lost = sorted((name.removeprefix(LOST), number) for name, number in counts.items() if name.startswith(LOST))
    return {
        "start": datetime.fromtimestamp(start, UTC).isoformat().replace("+00:00", "Z"),
        "category": category,
        "accepted": sum(outcomes.values()),
        **outcomes,
        "lost": [{"reason": reason, "category": category, "quantity": number} for reason, number in lost],
    }
