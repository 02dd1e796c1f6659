"""Timings of one batch: deduplicate, scrub, normalise, and count each duration under its name. Pure.

A redelivered batch, however it is cut, gives the same counts for the same offsets.
"""

from collections.abc import Sequence
from typing import Final

from agents.batch.deltas import crash_windows, timing_cells
from agents.batch.records import ReadRecord, key_of
from agents.batch.result import BatchResult
from app.log.contract import Record
from app.model import Facts, Timing, Timings
from app.normalise import scrub, timings
from app.records import Entry, UnknownSchema
from tables import latency
from tables.names import Names
from tables.seen import Seen
from tables.windows import LATENCY

KINDS: Final = frozenset({"timing", "refused"})

OTHER: Final = "(other)"
"""The name, for each kind, of durations counted together once a project's day has as many names as are kept."""

_TIMING: Final = {"timings": 1}


class TimingBatch:
    """Adds the readable records of a batch to its result, by the events seen and the names admitted before it."""

    def __init__(self, result: BatchResult, seen: Seen, names: Names) -> None:
        self._result = result
        self._seen = seen
        self._names = names

    def add_all(self, read: Sequence[ReadRecord]) -> None:
        """Add the records in order. Raises UnknownSchema; any other failure makes a dead letter."""
        for record, facts in read:
            if facts.kind == "refused":
                self._result.refuse(facts, record.offset)
            else:
                self._add(record, facts)

    def _add(self, record: Record, facts: Facts) -> None:
        key = key_of(record, facts.event_id, facts.project)
        if facts.unique and not self._seen.is_first(key, record.offset, facts.received):
            self._result.duplicate(facts, record.offset)
            return
        try:
            payload = scrub(record.value or b"", facts.rules)
            self._count(timings(facts, payload), record.offset, facts)
        except (UnknownSchema, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  whatever one record does, the batch goes on
            self._result.bury(record, facts, error)
            return
        self._result.grouped(facts, record.offset, payload)
        if facts.unique:
            self._seen.count(key, record.offset, facts.received)

    def _count(self, event: Timings, offset: int, facts: Facts) -> None:
        """Count last, after every step that may fail: an event counts in all of its cells or in none."""
        windows = crash_windows(event.time, facts.received)
        additions = [
            (
                timing_cells(facts.project, timing.kind, self._name(timing, offset, facts), event.release),
                Entry(offset, _TIMING, {LATENCY: latency.bucket(timing.ms)}),
            )
            for timing in event.durations
        ]
        for cells, entry in additions:
            self._result.spread.add(cells, windows, entry)

    def _name(self, timing: Timing, offset: int, facts: Facts) -> str:
        text = f"{timing.kind} {timing.name}"
        return timing.name if self._names.admits(facts.project, facts.received, text, offset) else OTHER
