"""Collects the outcome of one batch from one source partition and encodes the records that the agent publishes.

Every offset of the span gets one outcome in the ledger; losses that SDKs report are added to it. What is published
depends on the records of the batch alone, so that a redelivery publishes the same again; but sights of groups are left
out where they were published before (``agents.batch.sights``).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from agents.batch.blocks import processed_of
from agents.batch.dead_letters import dead_letter, to_record
from agents.batch.deltas import Spread, ledger_cells, ledger_windows
from agents.batch.records import ReadRecord, read_facts
from app.log.contract import NewRecord, Record
from app.model import Facts, Malformed
from app.normalise import scrub_text
from app.records import (
    DeadLetter,
    Delta,
    Entry,
    EventSummary,
    Processed,
    Stored,
    Unreadable,
    encode_delta,
    encode_processed,
)
from app.topics import DELTAS, PROCESSED, Source, qualified

LARGEST: Final = 8 << 20
"""Bytes of a delta or ``processed`` record; a batch with a larger one is halved (EXACTNESS.md, "Deltas")."""

GROUPED: Final = {"grouped": 1}
DUPLICATE: Final = {"duplicate": 1}
DEAD_LETTERED: Final = {"dead_lettered": 1}


class Targets(NamedTuple):
    """The generation of the log and the partition counts of the topics that an agent writes."""

    generation: int
    deltas: int
    processed: int
    dead_letters: int


class OffsetSpan(NamedTuple):
    """The source offsets ``first..last`` (inclusive) of a batch, with its least and greatest received time (ms)."""

    source: Source
    first: int
    last: int
    earliest: int
    latest: int


class BatchResult:
    """The outcome of one batch of a role: ``records`` are of one partition, in order, at least one.

    Retention deleted ``lost`` offsets just before them unread: the span covers those too, as nothing else will.
    """

    def __init__(self, role: str, records: Sequence[Record], targets: Targets, lost: int = 0) -> None:
        self.spread = Spread(targets.deltas)
        self.summaries: list[EventSummary] = []
        self.stored: list[Stored] = []
        self.dead_letters: list[DeadLetter] = []
        self.failed: list[int] = []
        """Offsets of the dead letters whose cause is in our code, not in what a client sent."""
        self.duplicates = 0
        self.refused = 0
        self._role = role
        self._targets = targets
        self._records = records
        self._lost = lost
        self._received: list[int] = []

    def readable(self, kinds: frozenset[str]) -> list[ReadRecord]:
        """Return the records with their facts; those without readable facts become dead letters. Call it once."""
        read: list[ReadRecord] = []
        for record in self._records:
            try:
                facts = read_facts(record, kinds)
            except Unreadable as error:
                self._received.append(record.stamp)
                self.failed.append(record.offset)
                self._add_dead_letter(record, None, error.code, error.error)
                continue
            self._received.append(facts.received)
            read.append((record, facts))
        return read

    def outcome(self, facts: Facts, offset: int, counts: dict[str, int]) -> None:
        """Add the outcome of a record to the ledger."""
        cells = ledger_cells(facts.project, facts.category)
        self.spread.add(cells, ledger_windows(facts.received), Entry(offset, counts))

    def grouped(self, facts: Facts, offset: int, payload: bytes) -> None:
        """Add a record that worked, with its scrubbed payload."""
        self.outcome(facts, offset, GROUPED)
        self.stored.append(Stored(offset, facts, payload))

    def duplicate(self, facts: Facts, offset: int) -> None:
        """Add a later copy of an event that counted."""
        self.outcome(facts, offset, DUPLICATE)
        self.duplicates += 1

    def refuse(self, facts: Facts, offset: int) -> None:
        """Add the events of an accepted request that ingest did not keep."""
        for refused in facts.refused:
            cells = ledger_cells(facts.project, refused.category)
            counts = {refused.outcome: refused.quantity, f"{refused.outcome}:{refused.reason}": refused.quantity}
            entry = Entry(offset, counts)
            self.spread.add(cells, ledger_windows(facts.received), entry)
        self.refused += 1

    def lost(self, facts: Facts, offset: int, reason: str, category: str, quantity: int) -> None:
        """Add a loss that an SDK reports."""
        cells = ledger_cells(facts.project, category)
        self.spread.add(cells, ledger_windows(facts.received), Entry(offset, {f"lost:{reason}": quantity}))

    def bury(self, record: Record, facts: Facts, error: Exception) -> None:
        """Add the dead letter of a record that can never be processed."""
        if isinstance(error, Malformed):
            self._add_dead_letter(record, facts, error.code, type(error).__name__)
            return
        self.failed.append(record.offset)
        self._add_dead_letter(record, facts, "failed", type(error).__name__)

    def _add_dead_letter(self, record: Record, facts: Facts | None, code: str, error: str) -> None:
        dead = dead_letter(self._role, record, facts, code, error, scrub_text(record.value or b""))
        self.dead_letters.append(dead)
        cells = ledger_cells(dead.project, dead.category)
        self.spread.add(cells, ledger_windows(dead.received), Entry(record.offset, DEAD_LETTERED))

    @property
    def source(self) -> Source:
        """The source partition of the batch."""
        return Source(self._records[0].topic, self._records[0].partition)

    @property
    def span(self) -> OffsetSpan:
        """The span of the batch, after ``readable``."""
        first, last = self._records[0], self._records[-1]
        return OffsetSpan(self.source, first.offset - self._lost, last.offset, min(self._received), max(self._received))

    def processed(self) -> Processed:
        """Return the batch's one ``processed`` record."""
        span = self.span
        return processed_of(span.source, span.first, span.last, span.latest, self.summaries, self.stored)

    def deltas(self) -> list[Delta]:
        """Return the batch's delta for each partition of ``deltas``."""
        span = self.span
        return self.spread.deal(span.source, span.first, span.last, span.latest)

    def records(self) -> list[NewRecord]:
        """Return all records that the agent publishes, in one append."""
        span, generation = self.span, self._targets.generation
        processed = NewRecord(
            topic=qualified(generation, PROCESSED),
            partition=span.source.partition % self._targets.processed,
            key=None,
            value=encode_processed(self.processed()),
            headers={},
            stamp=span.earliest,
        )
        dead_letters = [to_record(dead, generation, self._targets.dead_letters) for dead in self.dead_letters]
        return [processed, *delta_records(self.deltas(), generation, span.earliest), *dead_letters]


def delta_records(deltas: Sequence[Delta], generation: int, stamp: int) -> list[NewRecord]:
    """Return the records of the deltas, one for each partition; ``stamp`` is the batch's least received time (ms)."""
    topic = qualified(generation, DELTAS)
    return [
        NewRecord(topic=topic, partition=home, key=None, value=encode_delta(delta), headers={}, stamp=stamp)
        for home, delta in enumerate(deltas)
    ]


def empty_spans(source: Source, position: int, idle_at: int, targets: Targets) -> list[NewRecord]:
    """Return the empty deltas of a source that had no record at or after ``position`` at ``idle_at`` (ms).

    They move the watermark.
    """
    deltas = Spread(targets.deltas).deal(source, position, position - 1, idle_at)
    return delta_records(deltas, targets.generation, idle_at)


def too_large(records: Sequence[NewRecord]) -> bool:
    """Return whether a record is too large, so that the batch must be halved."""
    return any(len(record.value or b"") > LARGEST for record in records)
