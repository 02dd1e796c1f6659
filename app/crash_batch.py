"""Crashes and messages of one batch: scrub, normalise, group, deduplicate, and count. Pure.

A redelivered batch, however it is cut, gives the same counts for the same offsets.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from app.codec import Entry, GroupFacts, UnknownSchema
from app.deltas import crash_cells, crash_windows
from app.digest import Digest
from app.grouping import group
from app.log.contract import Record
from app.model import Event, Facts, Grouped
from app.normalise import event as normalise
from app.normalise import scrub
from app.processed import found_of
from app.source import key_of, user_of
from tables.seen import Seen

KINDS: Final = frozenset({"sentry", "raygun", "refused"})

_CRASH: Final = {"crashes": 1}
_UNHANDLED: Final = {"crashes": 1, "unhandled": 1}
_MESSAGE: Final = {"messages": 1}

Read = tuple[Record, Facts]


def keys_of(read: Sequence[Read]) -> list[bytes]:
    """Give the event keys by which the batch's records may be duplicates."""
    return [key_of(record, facts.event_id, facts.project) for record, facts in read if _has_identity(facts)]


class CrashBatch:
    """Puts the readable records of a batch into its digest."""

    def __init__(self, digest: Digest, seen: Seen, secrets: Mapping[int, bytes]) -> None:
        """Take the digest, what was seen before, and each project's secret for user hashes."""
        self._digest = digest
        self._seen = seen
        self._secrets = secrets

    def add_all(self, read: Sequence[Read]) -> None:
        """Add the records in order. Raises UnknownSchema; nothing else comes of a record."""
        for record, facts in read:
            if facts.kind == "refused":
                self._digest.refuse(facts, record.offset)
            else:
                self._add(record, facts)

    def _add(self, record: Record, facts: Facts) -> None:
        key = key_of(record, facts.event_id, facts.project)
        if facts.unique and not self._seen.is_first(key, record.offset, facts.received):
            self._digest.duplicate(facts, record.offset)
            return
        try:
            payload = scrub(record.value or b"", facts.rules)
            event = normalise(facts, payload)
            grouped = group(event)
            found = found_of(event, grouped, record.offset)
            entry = self._entry(event, record.offset)
            self._count(event, grouped, entry)
        except (UnknownSchema, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  whatever one record does, the batch goes on
            self._digest.bury(record, facts, error)
            return
        self._digest.found.append(found)
        self._digest.grouped(facts, record.offset, payload)
        if facts.unique:
            self._seen.count(key, record.offset, facts.received)

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
        spread, own = self._digest.spread, cells[0]
        if spread.knows(own):
            spread.saw(own, event.time)
        else:
            spread.group(own, _group_facts(event, grouped, entry.offset))
        spread.add(cells, windows, entry)


def _has_identity(facts: Facts) -> bool:
    return facts.unique and facts.kind != "refused"


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
