"""Identities that ingest gives: an event's, a session's, a Raygun report's."""

import re
import secrets
from hashlib import blake2b
from typing import Final, NamedTuple

HEX: Final = re.compile(r"[0-9a-f]{32}\Z")
MAX_SESSION_ID: Final = 200
"""Characters of a session id that are kept in the header; the key is made of all of them."""


class EventId(NamedTuple):
    """32 hex digits; ``unique`` is False where ingest made them up."""

    text: str
    unique: bool = True


def normal_id(value: object) -> str | None:
    """Give an SDK's event id as 32 lower-case hex digits, None for what is none."""
    if not isinstance(value, str):
        return None
    text = value.strip().replace("-", "").lower()
    return text if HEX.match(text) else None


def random_id() -> EventId:
    """Make an id up: a record with it is never a duplicate."""
    return EventId(secrets.token_hex(16), unique=False)


def body_id(project: int, body: bytes) -> EventId:
    """Give the id of a report that has none: the first 128 bits of BLAKE2b over project and body (API.md, Identity)."""
    return EventId(blake2b(b"%d:" % project + body).hexdigest()[:32])


def session_key(session_id: str) -> str:
    """Give what stands for a session where an event has its id (``app.topics.identity``)."""
    return "s:" + session_id
