"""Share of CPU time of each pure stage of a crash report, over the same reports as ``agent``."""

from collections.abc import Callable
from time import process_time
from typing import Final, TypeVar

from agents.batch.blocks import processed_of, summary_of
from agents.batch.crashes import KINDS
from agents.batch.deltas import Spread, crash_cells, crash_windows
from agents.batch.records import key_of, read_facts
from app.grouping import group
from app.log.contract import NewRecord, Record
from app.normalise import event as normalise
from app.normalise import scrub
from app.records import Entry, Stored, encode_delta, encode_processed
from app.topics import Source
from tables.seen import Seen
from tests.bench import events, site
from tests.bench.ratios import Figure, console

T = TypeVar("T")
BATCH: Final = 1000


class Clock:
    """Sums the CPU time of stages, in seconds."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    def take(self, stage: str, work: Callable[[], T]) -> T:
        """Do the work of a stage, add its CPU time, and return its result."""
        start = process_time()
        result = work()
        self.spent[stage] = self.spent.get(stage, 0.0) + process_time() - start
        return result


def run(count: int) -> list[Figure]:
    """Measure the stages; print and return their shares."""
    records = [_record(at, record) for at, record in enumerate(events.records(1, count, site.PARTITIONS))]
    clock = Clock()
    for start in range(0, count, BATCH):
        _batch(records[start : start + BATCH], clock)
    whole = sum(clock.spent.values())
    console.print(f"[bold]stages[/bold]: {count} events, {events.source()}, batches of {BATCH}")
    shares = {stage: seconds / whole for stage, seconds in clock.spent.items()}
    for stage, share in shares.items():
        console.print(f"  {stage:<10} {share:6.1%}")
    return [Figure(stage, share, share, share, "neither") for stage, share in shares.items()]


def _record(offset: int, new: NewRecord) -> Record:
    return Record(new.topic, 0, offset, new.key, new.value, new.headers, new.stamp)


def _batch(records: list[Record], clock: Clock) -> None:
    read = clock.take("facts", lambda: [(record, read_facts(record, KINDS)) for record in records])
    seen = Seen({})
    first = clock.take("dedup", lambda: [
        (record, facts) for record, facts in read
        if seen.is_first(key_of(record, facts.event_id, facts.project), record.offset, facts.received)
    ])  # fmt: skip
    payloads = clock.take("scrub", lambda: [scrub(record.value or b"", facts.rules) for record, facts in first])
    made = clock.take("normalise", lambda: [
        normalise(facts, payload) for (_, facts), payload in zip(first, payloads, strict=True)
    ])  # fmt: skip
    grouped = clock.take("group", lambda: [group(event) for event in made])
    found = clock.take("words", lambda: [
        summary_of(event, which, record.offset)
        for event, which, (record, _) in zip(made, grouped, first, strict=True)
    ])  # fmt: skip
    spread, source = Spread(site.PARTITIONS), Source("1.crashes", 0)
    a, b, latest = records[0].offset, records[-1].offset, records[-1].stamp

    def deltas() -> list[bytes]:
        for event, which, (record, _) in zip(made, grouped, first, strict=True):
            cells, windows = crash_cells(1, which.group, event.release), crash_windows(event.time, event.received)
            spread.add(cells, windows, Entry(record.offset, {"crashes": 1}))
        return [encode_delta(delta) for delta in spread.deal(source, a, b, latest)]

    clock.take("deltas", deltas)
    stored = [Stored(record.offset, facts, payload) for (record, facts), payload in zip(first, payloads, strict=True)]
    clock.take("processed", lambda: encode_processed(processed_of(source, a, b, latest, found, stored)))
