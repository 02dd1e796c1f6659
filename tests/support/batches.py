"""Source records as ingest writes them, and the contents of deltas in a form that tests can compare."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from agents.batch.result import Targets
from app.cells import Cell
from app.log.contract import Record
from app.model import Category, Facts, Kind, Refused
from app.records import Delta, encode_facts
from app.topics import FACTS, identity

SECRETS = {1: b"secret of one", 2: b"secret of two"}
TARGETS = Targets(generation=1, deltas=8, processed=8, dead_letters=8)
NOW = 1_795_503_458_000
"""ms; the default time of receipt."""

Row = tuple[str, int, int]
"""(cell key, size, start)."""


def record(offset: int, facts: Facts | None, value: bytes | None = None, topic: str = "1.crashes") -> Record:
    """Return a record of partition 0."""
    headers = {} if facts is None else {FACTS: encode_facts(facts)}
    key = None if facts is None else identity(facts.project, facts.event_id)
    return Record(topic, 0, offset, key, value, headers, facts.received if facts else NOW)


def crash(
    offset: int,
    event_id: str = "",
    *,
    received: int = NOW,
    project: int = 1,
    unique: bool = True,
    **fields: Any,  # noqa: ANN401  fields of a Sentry event
) -> Record:
    """Return a Sentry error event; its id follows from the offset unless given."""
    event_id = event_id or f"{offset:032x}"
    raised = {
        "type": "OrderError",
        "value": "no stock",
        "stacktrace": {"frames": [{"function": "order", "in_app": True}]},
    }
    event = {
        "event_id": event_id,
        "timestamp": received / 1000,
        "platform": "python",
        "release": "shop@1",
        "user": {"id": "user-1"},
        "exception": {"values": [raised]},
    }
    facts = Facts(project, "sentry", "error", event_id, received, unique=unique)
    return record(offset, facts, json.dumps(event | fields).encode())


def refused(offset: int, *what: Refused, topic: str = "1.crashes") -> Record:
    """Return the record of events that ingest did not keep."""
    return record(offset, Facts(1, "refused", "other", f"{offset:032x}", NOW, refused=what), topic=topic)


def session_record(
    offset: int,
    kind: Kind,
    content: Any,  # noqa: ANN401  any JSON
    *,
    sid: str = "sid",
    received: int = NOW,
    category: Category = "session",
) -> Record:
    """Return a record of the topic sessions."""
    facts = Facts(1, kind, category, sid, received)
    made = record(offset, facts, json.dumps(content).encode(), "1.sessions")
    key = identity(1, f"s:{sid}")
    return Record(made.topic, 0, offset, key, made.value, made.headers, made.stamp)


def rows(deltas: Iterable[Delta]) -> dict[Row, Counter[str]]:
    """Return the sums of deltas by row."""
    sums: dict[Row, Counter[str]] = {}
    for delta in deltas:
        for cell, windows in delta.cells.items():
            for size, start, indices in windows:
                total = sums.setdefault((cell, size, start), Counter())
                for index in indices:
                    total.update(delta.entries[index].counts)
    return sums


def total(deltas: Iterable[Delta], cell: Cell, size: int = 60) -> dict[str, int]:
    """Return the sums of deltas for one cell over its windows of a size."""
    sums: Counter[str] = Counter()
    for (key, of_size, _), counts in rows(deltas).items():
        if key == cell.key() and of_size == size:
            sums.update(counts)
    return dict(sums)


def users(deltas: Iterable[Delta], cell: Cell, sketch: str) -> set[int]:
    """Return the user hashes that deltas add to a sketch of a cell."""
    return {
        delta.entries[index].users[sketch]
        for delta in deltas
        for _, _, indices in delta.cells.get(cell.key(), [])
        for index in indices
        if sketch in delta.entries[index].users
    }
