"""What one batch of a source partition amounts to, put together record by record, and the records it becomes.

Every offset of the span gets one outcome in the ledger; what is reported lost comes on top. The bytes that leave
here follow from the records of the batch alone, so that a redelivery sends the same again.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from agents.batch.blocks import processed_of
from agents.batch.dead_letters import letter, to_record
from agents.batch.deltas import Spread, ledger_cells, ledger_windows
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
    facts_of,
)
from app.topics import DELTAS, PROCESSED, Source, qualified

LARGEST: Final = 8 << 20
"""Bytes of the largest delta or ``processed`` record: a batch that makes a larger one is halved (EXACTNESS.md)."""

GROUPED: Final = {"grouped": 1}
DUPLICATE: Final = {"duplicate": 1}
DEAD_LETTERED: Final = {"dead_lettered": 1}


class Targets(NamedTuple):
    """The generation of the log and the partition counts of the topics that an agent writes."""

    generation: int
    deltas: int
    processed: int
    dead_letters: int


class Span(NamedTuple):
    """The source offsets ``a..b`` (inclusive) of a batch, with the least and greatest received time (ms) in it."""

    source: Source
    first: int
    last: int
    earliest: int
    latest: int


class BatchResult:
    """Collects one batch."""

    def __init__(self, role: str, records: Sequence[Record], targets: Targets, lost: int = 0) -> None:
        """Take the role that reads, and the records: one partition's, in order, at least one.

        ``lost`` offsets just before them were deleted by retention before the role read them: the span covers them, as
        nothing will ever come of them.
        """
        self.spread = Spread(targets.deltas)
        self.summaries: list[EventSummary] = []
        self.stored: list[Stored] = []
        self.letters: list[DeadLetter] = []
        self.failed: list[int] = []
        """Offsets of the dead letters that point at us, not at what a client sent."""
        self.duplicates = 0
        self.refused = 0
        self._role = role
        self._targets = targets
        self._records = records
        self._lost = lost
        self._received: list[int] = []

    def readable(self, kinds: frozenset[str]) -> list[tuple[Record, Facts]]:
        """Return the records with their facts, each once; those without readable facts become dead letters."""
        read = []
        for record in self._records:
            try:
                facts = facts_of(record.headers, kinds)
            except Unreadable as error:
                self._received.append(record.stamp)
                self.failed.append(record.offset)
                self._bury(record, None, error.code, error.error)
                continue
            self._received.append(facts.received)
            read.append((record, facts))
        return read

    def outcome(self, facts: Facts, offset: int, counts: dict[str, int]) -> None:
        """Note what became of a record in the ledger."""
        cells = ledger_cells(facts.project, facts.category)
        self.spread.add(cells, ledger_windows(facts.received), Entry(offset, counts))

    def grouped(self, facts: Facts, offset: int, payload: bytes) -> None:
        """Note a record that worked, and keep its scrubbed payload."""
        self.outcome(facts, offset, GROUPED)
        self.stored.append(Stored(offset, facts, payload))

    def duplicate(self, facts: Facts, offset: int) -> None:
        """Note a later copy of what was counted."""
        self.outcome(facts, offset, DUPLICATE)
        self.duplicates += 1

    def refuse(self, facts: Facts, offset: int) -> None:
        """Note what the edge accepted a request for and did not keep."""
        for refused in facts.refused:
            cells = ledger_cells(facts.project, refused.category)
            entry = Entry(offset, {refused.outcome: refused.quantity})
            self.spread.add(cells, ledger_windows(facts.received), entry)
        self.refused += 1

    def lost(self, facts: Facts, offset: int, reason: str, category: str, quantity: int) -> None:
        """Note what an SDK says it lost."""
        cells = ledger_cells(facts.project, category)
        self.spread.add(cells, ledger_windows(facts.received), Entry(offset, {f"lost:{reason}": quantity}))

    def bury(self, record: Record, facts: Facts, error: Exception) -> None:
        """Make a dead letter of a record that can never work."""
        if isinstance(error, Malformed):
            self._bury(record, facts, error.code, type(error).__name__)
            return
        self.failed.append(record.offset)
        self._bury(record, facts, "failed", type(error).__name__)

    def _bury(self, record: Record, facts: Facts | None, code: str, error: str) -> None:
        dead = letter(self._role, record, facts, code, error, scrub_text(record.value or b""))
        self.letters.append(dead)
        cells = ledger_cells(dead.project, dead.category)
        self.spread.add(cells, ledger_windows(dead.received), Entry(record.offset, DEAD_LETTERED))

    @property
    def span(self) -> Span:
        """The span of the batch, once it was read."""
        first, last = self._records[0], self._records[-1]
        source = Source(first.topic, first.partition)
        return Span(source, first.offset - self._lost, last.offset, min(self._received), max(self._received))

    def processed(self) -> Processed:
        """Return the batch's one ``processed`` record."""
        source, a, b, _, latest = self.span
        return processed_of(source, a, b, latest, self.summaries, self.stored)

    def deltas(self) -> list[Delta]:
        """Return the batch's delta for each partition of ``deltas``."""
        source, a, b, _, latest = self.span
        return self.spread.deal(source, a, b, latest)

    def records(self) -> list[NewRecord]:
        """Return all that leaves the agent, to be appended as one."""
        span, generation = self.span, self._targets.generation
        processed = NewRecord(
            topic=qualified(generation, PROCESSED),
            partition=span.source.partition % self._targets.processed,
            key=None,
            value=encode_processed(self.processed()),
            headers={},
            stamp=span.earliest,
        )
        letters = [to_record(dead, generation, self._targets.dead_letters) for dead in self.letters]
        return [processed, *delta_records(self.deltas(), generation, span.earliest), *letters]


def delta_records(deltas: Sequence[Delta], generation: int, stamp: int) -> list[NewRecord]:
    """Return the records of one delta a partition; ``stamp`` is the least received time in them (ms)."""
    topic = qualified(generation, DELTAS)
    return [
        NewRecord(topic=topic, partition=home, key=None, value=encode_delta(delta), headers={}, stamp=stamp)
        for home, delta in enumerate(deltas)
    ]


def empty_spans(source: Source, position: int, idle_at: int, targets: Targets) -> list[NewRecord]:
    """Return the records by which a source with nothing at or after ``position`` at ``idle_at`` (ms) moves watermarks."""
    deltas = Spread(targets.deltas).deal(source, position, position - 1, idle_at)
    return delta_records(deltas, targets.generation, idle_at)


def too_large(records: Sequence[NewRecord]) -> bool:
    """Return whether the batch must be halved."""
    return any(len(record.value or b"") > LARGEST for record in records)
