"""Collects the records of one request: one event is one record, its bytes as sent, its facts in the header."""

from typing import Final, NamedTuple

from app.ingest.ids import EventId, random_id
from app.ingest.limits import APPEND_MS, MAX_HEADER, MAX_RECORD
from app.ingest.stamps import NO_STAMP, Stamp
from app.log.contract import NewRecord
from app.model import Category, Facts, Kind, Refused
from app.records import encode_facts
from app.topics import CRASHES, FACTS, SESSIONS, TIMINGS, identity, partition_of, qualified

JSON: Final = Facts(project=0, kind="refused", category="other", event_id="", received=0).content_type
"""The default of ``Facts.content_type``: msgspec leaves a default out of the header where it is the same object."""


class Origin(NamedTuple):
    """The facts that all records of one request share; ``received`` and ``sent`` in ms since the epoch."""

    project: int
    received: int
    sent: int | None = None
    peer: str = ""
    user_agent: str = ""
    stamp: Stamp = NO_STAMP


class Layout(NamedTuple):
    """The layout of the log: the open generation, the partitions of a topic."""

    generation: int
    partitions: int


def clean(header: str) -> str:
    """Return a header's text as facts keep it: at most MAX_HEADER characters, without lone surrogates."""
    if len(header) <= MAX_HEADER and header.isascii():
        return header
    return header[:MAX_HEADER].encode("utf-8", "replace").decode()


class RequestRecords:
    """Collects the records of one request, and the counts of its items that are not kept."""

    def __init__(self, origin: Origin, layout: Layout) -> None:
        self.origin = origin
        self.records: list[NewRecord] = []
        self.oversize = 0
        self._layout = layout
        self.not_kept: dict[tuple[Category, str], int] = {}

    def keep(self, kind: Kind, event: EventId, value: bytes, *, identifier: str = "", content_type: str = "") -> None:
        """Add a record; a value over MAX_RECORD is counted instead.

        Args:
            kind: How the value is to be read.
            event: The id that the facts keep.
            value: The payload, as sent.
            identifier: What the record's key is made of, where that is not the event's id.
            content_type: The payload's, '' for JSON.
        """
        category: Category = _CATEGORIES[kind]
        if len(value) > MAX_RECORD:
            self.oversize += 1
            self.refuse(category, "too_large")
            return
        facts = Facts(
            project=self.origin.project,
            kind=kind,
            category=category,
            event_id=event.text,
            received=self.origin.received,
            sent=self.origin.sent,
            unique=event.unique,
            peer=self.origin.peer,
            user_agent=self.origin.user_agent,
            grouping=self.origin.stamp.grouping,
            project_rules=self.origin.stamp.rules,
            content_type=clean(content_type) if content_type and content_type != JSON else JSON,
        )
        self._add(_TOPICS.get(category, SESSIONS), facts, identifier or event.text, value)

    def refuse(self, category: Category, reason: str, quantity: int = 1) -> None:
        """Count items that are not kept, as filtered, under a reason."""
        self.not_kept[category, reason] = self.not_kept.get((category, reason), 0) + quantity

    def finish(self) -> list[NewRecord]:
        """Return the records, with one more for all that was refused; to be called once."""
        if self.not_kept:
            event = random_id()
            refused = tuple(
                Refused(category, "filtered", reason, quantity)
                for (category, reason), quantity in self.not_kept.items()
            )
            facts = Facts(
                project=self.origin.project,
                kind="refused",
                category=refused[0].category,
                event_id=event.text,
                received=self.origin.received,
                sent=self.origin.sent,
                unique=False,
                grouping=self.origin.stamp.grouping,
                project_rules=self.origin.stamp.rules,
                refused=refused,
            )
            self._add(SESSIONS, facts, event.text, b"")
        return self.records

    def _add(self, topic: str, facts: Facts, identifier: str, value: bytes) -> None:
        key = identity(facts.project, identifier)
        self.records.append(
            NewRecord(
                topic=qualified(self._layout.generation, topic),
                partition=partition_of(key, self._layout.partitions),
                key=key,
                value=value,
                headers={FACTS: encode_facts(facts)},
                stamp=facts.received,
                deadline=facts.received + APPEND_MS,
            )
        )


_CATEGORIES: Final[dict[Kind, Category]] = {
    "sentry": "error",
    "raygun": "error",
    "session": "session",
    "sessions": "session",
    "client_report": "other",
    "timing": "timing",
}
_TOPICS: Final[dict[Category, str]] = {"error": CRASHES, "timing": TIMINGS}
