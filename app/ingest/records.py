"""Makes the records that one request becomes: one event, one record, bytes untouched, facts in the header."""

from typing import Final, NamedTuple

from app.ingest.ids import EventId, random_id
from app.log.contract import NewRecord
from app.model import Category, Facts, Kind, Refused
from app.records import encode_facts
from app.topics import CRASHES, FACTS, SESSIONS, TIMINGS, identity, partition_of, qualified

MAX_RECORD: Final = 1 << 20
"""Bytes of one event, unpacked (API.md, "Ingest's answers and limits")."""

MAX_HEADER: Final = 256
"""Characters kept of a request's header."""


JSON: Final = Facts(0, "refused", "other", "", 0).content_type
"""The default itself, which is left out of the header by identity."""


APPEND_MS: Final = 30_000
"""From a record's received time to its deadline in the log: half the skew; the rest is for clocks that differ."""


class Origin(NamedTuple):
    """What all records of one request share."""

    project: int
    received: int
    sent: int | None = None
    peer: str = ""
    user_agent: str = ""


class Layout(NamedTuple):
    """How the log is laid out: the generation that is open, the partitions of a topic."""

    generation: int
    partitions: int


def clean(header: str) -> str:
    """Give a header's text as it may stand in facts: short, and without what UTF-8 cannot hold."""
    if len(header) <= MAX_HEADER and header.isascii():
        return header
    return header[:MAX_HEADER].encode("utf-8", "replace").decode()


class Batch:
    """Collects the records of one request, and what of it is counted but not kept."""

    def __init__(self, origin: Origin, layout: Layout) -> None:
        """Start empty."""
        self.origin = origin
        self.records: list[NewRecord] = []
        self.oversize = 0
        self._layout = layout
        self.not_kept: dict[tuple[Category, str], int] = {}

    def keep(self, kind: Kind, event: EventId, value: bytes, *, identifier: str = "", content_type: str = "") -> None:
        """Add a record; one over the limit is counted instead. ``identifier`` is the key's, where not the event's."""
        category: Category = _CATEGORIES[kind]
        if len(value) > MAX_RECORD:
            self.oversize += 1
            self.refuse(category, "too_large")
            return
        facts = Facts(
            self.origin.project,
            kind,
            category,
            event.text,
            self.origin.received,
            sent=self.origin.sent,
            unique=event.unique,
            peer=self.origin.peer,
            user_agent=self.origin.user_agent,
            content_type=clean(content_type) if content_type and content_type != JSON else JSON,
        )
        self._add(_TOPICS.get(category, SESSIONS), facts, identifier or event.text, value)

    def refuse(self, category: Category, reason: str, quantity: int = 1) -> None:
        """Count something that is not kept."""
        self.not_kept[category, reason] = self.not_kept.get((category, reason), 0) + quantity

    def finish(self) -> list[NewRecord]:
        """Give the records, the one of what was refused among them; to be called once."""
        if self.not_kept:
            event = random_id()
            refused = tuple(
                Refused(category, "filtered", reason, quantity)
                for (category, reason), quantity in self.not_kept.items()
            )
            facts = Facts(
                self.origin.project,
                "refused",
                refused[0].category,
                event.text,
                self.origin.received,
                sent=self.origin.sent,
                unique=False,
                refused=refused,
            )
            self._add(SESSIONS, facts, event.text, b"")
        return self.records

    def _add(self, topic: str, facts: Facts, identifier: str, value: bytes) -> None:
        key = identity(facts.project, identifier)
        self.records.append(
            NewRecord(
                qualified(self._layout.generation, topic),
                partition_of(key, self._layout.partitions),
                key,
                value,
                {FACTS: encode_facts(facts)},
                facts.received,
                facts.received + APPEND_MS,
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
