"""The ids of records: an event's, a session's, a Raygun report's."""

import re
import secrets
from hashlib import blake2b
from typing import Final, NamedTuple

HEX: Final = re.compile(r"[0-9a-f]{32}\Z")


class EventId(NamedTuple):
    """An event id, 32 hex digits; ``unique`` is False where ingest made it up."""

    text: str
    unique: bool = True


def normal_id(value: object) -> str | None:
    """Return an SDK's event id as 32 lower-case hex digits, None for a value that is none."""
    if not isinstance(value, str):
        return None
    text = value.strip().replace("-", "").lower()
    return text if HEX.match(text) else None


def random_id() -> EventId:
    """Return a random id: a record with it is never a duplicate."""
    return EventId(secrets.token_hex(16), unique=False)


def body_id(project: int, body: bytes) -> EventId:
    """Return the id of a report that has none: 128 bits of BLAKE2b over project and body.

    Source: API.md, "What the numbers mean".
    """
    return EventId(blake2b(b"%d:" % project + body).hexdigest()[:32])


def session_key(session_id: str) -> str:
    """Return the text from which a session's key is made, as an event's is from its id (``app.topics.identity``)."""
    return "s:" + session_id
