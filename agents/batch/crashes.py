"""Crashes and messages of one batch: scrub, normalise, group, deduplicate, and count. Pure.

A redelivered batch, however it is cut, gives the same counts for the same offsets. Reports take each step by some
dozens at a time: code and tables of a step stay in the processor's caches, which saves a quarter of the time.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from agents.batch.blocks import summary_of
from agents.batch.deltas import crash_cells, crash_windows
from agents.batch.records import Read, key_of, user_of
from agents.batch.result import BatchResult
from app.grouping import group
from app.log.contract import Record
from app.model import Event, Facts, Grouped
from app.normalise import event as normalise
from app.normalise import scrub
from app.records import Entry, EventSummary, GroupFacts, UnknownSchema
from tables.seen import Seen

KINDS: Final = frozenset({"sentry", "raygun", "refused"})

TOGETHER: Final = 64
TOGETHER_BYTES: Final = 512 << 10
"""Reports that take a step together, at most: all that is made of them is in memory at once."""

_CRASH: Final = {"crashes": 1}
_UNHANDLED: Final = {"crashes": 1, "unhandled": 1}
_MESSAGE: Final = {"messages": 1}


class CrashBatch:
    """Puts the readable records of a batch into its result."""

    def __init__(self, result: BatchResult, seen: Seen, secrets: Mapping[int, bytes]) -> None:
        """Take the result, what was seen before, and each project's secret for user hashes."""
        self._result = result
        self._seen = seen
        self._secrets = secrets

    def add_all(self, read: Sequence[Read]) -> None:
        """Add the records in order. Raises UnknownSchema; nothing else comes of a record."""
        for part in _parts(read):
            drafts = [_Draft(record, facts) for record, facts in part]
            self._prepare_likely(drafts)
            for draft in drafts:
                if draft.facts.kind == "refused":
                    self._result.refuse(draft.facts, draft.record.offset)
                else:
                    self._add(draft)

    def _prepare_likely(self, drafts: list["_Draft"]) -> None:
        """Prepare what will count, as far as that can be told before those ahead of it have counted."""
        likely: list[_Draft] = []
        keys: set[bytes] = set()
        for draft in drafts:
            if draft.facts.kind == "refused":
                continue
            if draft.facts.unique:
                if draft.key in keys or not self._is_first(draft):
                    continue
                keys.add(draft.key)
            likely.append(draft)
        _prepare(likely)

    def _is_first(self, draft: "_Draft") -> bool:
        return self._seen.is_first(draft.key, draft.record.offset, draft.facts.received)

    def _add(self, draft: "_Draft") -> None:
        record, facts = draft.record, draft.facts
        if facts.unique and not self._is_first(draft):
            self._result.duplicate(facts, record.offset)
            return
        if not draft.prepared:
            _prepare([draft])
        try:
            if draft.error is not None:
                raise draft.error  # noqa: TRY301  one way for what failed at any step
            self._count(draft.event, draft.grouped, self._entry(draft.event, record.offset))
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  whatever one record does, the batch goes on
            self._result.bury(record, facts, error)
            return
        self._result.summaries.append(draft.summary)
        self._result.grouped(facts, record.offset, draft.payload)
        if facts.unique:
            self._seen.count(draft.key, record.offset, facts.received)

    def _entry(self, event: Event, offset: int) -> Entry:
        if not event.is_crash:
            return Entry(offset, _MESSAGE)
        counts, user = (
            _UNHANDLED if event.unhandled else _CRASH,
            user_of(self._secrets, event.project, event.user.identity),
        )
        return Entry(offset, counts) if user is None else Entry(offset, counts, {"users": user})

    def _count(self, event: Event, grouped: Grouped, entry: Entry) -> None:
        """Count last, when all that may fail has worked: an event counts whole or not at all."""
        cells = crash_cells(event.project, grouped.group, event.release)
        windows = crash_windows(event.time, event.received)
        spread, own = self._result.spread, cells[0]
        if spread.knows(own):
            spread.saw(own, event.time)
        else:
            spread.group(own, _group_facts(event, grouped, entry.offset))
        spread.add(cells, windows, entry)


class _Draft:
    """One record on its way through the steps; what a step gives is there once all worked."""

    __slots__ = ("error", "event", "facts", "grouped", "key", "payload", "prepared", "record", "summary")

    event: Event
    summary: EventSummary
    grouped: Grouped
    payload: bytes

    def __init__(self, record: Record, facts: Facts) -> None:
        self.record = record
        self.facts = facts
        self.key = key_of(record, facts.event_id, facts.project)
        self.prepared = False
        self.error: Exception | None = None


def _prepare(drafts: Sequence[_Draft]) -> None:
    """Take every step with all of them before the next. Raises UnknownSchema; what else goes wrong is noted."""
    for step in (_scrub, _normalise, _group, _find):
        for draft in drafts:
            if draft.error is None:
                try:
                    step(draft)
                except (UnknownSchema, MemoryError):
                    raise
                except Exception as error:  # noqa: BLE001  whatever one record does, the batch goes on
                    draft.error = error.with_traceback(None)  # which would hold all drafts
    for draft in drafts:
        draft.prepared = True


def _scrub(draft: _Draft) -> None:
    draft.payload = scrub(draft.record.value or b"", draft.facts.rules)


def _normalise(draft: _Draft) -> None:
    draft.event = normalise(draft.facts, draft.payload)


def _group(draft: _Draft) -> None:
    draft.grouped = group(draft.event)


def _find(draft: _Draft) -> None:
    draft.summary = summary_of(draft.event, draft.grouped, draft.record.offset)


def _parts(read: Sequence[Read]) -> Iterator[Sequence[Read]]:
    """Cut a batch into what takes the steps together."""
    start, size = 0, 0
    for index, (record, _) in enumerate(read):
        size += len(record.value or b"")
        if index > start and (index - start >= TOGETHER or size > TOGETHER_BYTES):
            yield read[start:index]
            start, size = index, len(record.value or b"")
    if read:
        yield read[start:]


def _group_facts(event: Event, grouped: Grouped, offset: int) -> GroupFacts:
    return GroupFacts(
        grouped.title,
        grouped.culprit,
        event.platform,
        event.level,
        event.exceptions[-1].type if event.exceptions else "",
        event.time,
        event.time,
        event.unhandled,
        event.release,
        event.event_id,
        offset,
        grouped.version,
    )
