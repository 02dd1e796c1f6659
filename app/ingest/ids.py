"""The ids of records: an event's, a session's, a Raygun report's."""

import re
import secrets
from hashlib import blake2b
from typing import Final, NamedTuple

HEX: Final = re.compile(r"[0-9a-f]{32}\Z")
NIL: Final = "0" * 32
"""The id that SDKs send where they have none (``SentryId.Empty``)."""

UUID: Final = re.compile(
    r"(?:urn:uuid:)?\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?\Z", re.IGNORECASE
)


class EventId(NamedTuple):
    """An event id, 32 hex digits; ``unique`` is False where ingest made it up."""

    text: str
    unique: bool = True


def normal_id(value: object) -> str | None:
    """Return an SDK's event id as 32 lower-case hex digits, None for a value that is none, as a nil UUID is."""
    if not isinstance(value, str):
        return None
    text = value.strip().replace("-", "").lower()
    return text if HEX.match(text) and text != NIL else None


def normal_session_id(value: object) -> str | None:
    """Return a session's id as text: of a UUID in any form its 32 lower-case hex digits, other texts as sent.

    SDKs write one session's id in several forms: io.sentry 8 without dashes, sentry-native and io.sentry 7 with them.
    None for '', a nil UUID and any other value.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < MAX_NUMBER else None
    if not isinstance(value, str) or not value:
        return None
    if UUID.match(value.strip()):
        return normal_id(value.strip().lower().removeprefix("urn:uuid:").strip("{}"))
    return value.encode("utf-8", "replace").decode()


def random_id() -> EventId:
    """Return a random id: a record with it is never a duplicate."""
    return EventId(secrets.token_hex(16), unique=False)


def body_id(project: int, body: bytes) -> EventId:
    """Return the id of a report that has none: 128 bits of BLAKE2b over project and body.

    Source: API.md, "What the numbers mean".
    """
    return EventId(blake2b(b"%d:" % project + body).hexdigest()[:32])


MAX_NUMBER: Final = 2**64
"""A larger number is no id."""


def session_key(session_id: str) -> str:
    """Return the text from which a session's key is made, as an event's is from its id (``app.topics.identity``)."""
    return "s:" + session_id
