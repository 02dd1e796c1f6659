"""Parses the Sentry envelope: a header line, then items of a header line and a payload. Items are spans: no copies.

Source: WIRE.md, "Sentry envelopes".
"""

import json
import re
from typing import Any, Final, NamedTuple

import msgspec

from app.ingest.codes import Refusal
from app.ingest.limits import MAX_BARE_EVENT, MAX_ITEMS
from app.ingest.times import milliseconds

BLANK: Final = re.compile(rb"[ \t\r\n]*")
_UNBLANK: Final = (b"{", b"")
"""What nearly always follows: an item, or the end."""


EVENT_FIELDS: Final = frozenset(
    {
        "exception", "message", "logentry", "threads", "stacktrace", "level", "platform", "timestamp", "type",
        "culprit", "release", "environment", "server_name", "tags", "extra", "contexts", "breadcrumbs", "fingerprint",
        "user", "request", "logger", "modules", "spans", "template", "csp",
    }
)  # fmt: skip
"""Fields of an event that no envelope header has."""


class _Header(msgspec.Struct):
    event_id: Any = None
    sent_at: Any = None
    dsn: Any = None


class _ItemHeader(msgspec.Struct):
    type: str
    length: int | None = None
    content_type: Any = None
    item_count: Any = None


class Item(NamedTuple):
    """One item: its payload is ``body[start:end]``; ``quantity`` is the number of entries that a container claims."""

    type: str
    start: int
    end: int
    content_type: str = ""
    quantity: int = 1


class Envelope(NamedTuple):
    """A parsed envelope: its header's ``event_id`` as sent, ``sent_at`` in ms since the epoch, its DSN, its items."""

    event_id: object
    sent: int | None
    dsn: str
    items: list[Item]


_header = msgspec.json.Decoder(_Header)
_item_header = msgspec.json.Decoder(_ItemHeader)
_DECODE_ERRORS = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


def parse(body: bytes) -> Envelope:
    """Parse an envelope. Raises Refusal with the code of what is malformed; an unknown item type is no error."""
    line_end = _line_end(body, 0)
    header = _read_header(body[:line_end])
    items: list[Item] = []
    position = line_end + 1
    while (position := _skip_blank(body, position)) < len(body):
        if len(items) == MAX_ITEMS:
            raise Refusal("too_many_items")
        item = _read_item(body, position)
        items.append(item)
        position = item.end + 1
    dsn = header.dsn if isinstance(header.dsn, str) else ""
    return Envelope(header.event_id, milliseconds(header.sent_at), dsn, items)


def parse_body(body: bytes) -> Envelope:
    """Parse an envelope, or an event that was posted as it is, which some clients do: then it is the only item.

    Raises Refusal as ``parse`` does.
    """
    try:
        envelope = parse(body)
    except Refusal as refusal:
        if refusal.code != "invalid_envelope_header" or not _is_event(body):
            raise
        return Envelope(None, None, "", [Item("event", 0, len(body))])
    if envelope.items or not _is_event(body):
        return envelope
    return envelope._replace(items=[Item("event", 0, len(body))])


def _is_event(body: bytes) -> bool:
    """Return whether a body without items is an object with fields of an event."""
    if len(body) > MAX_BARE_EVENT or not body.lstrip().startswith(b"{"):
        return False
    event = _object(body)
    return event is not None and any(key in EVENT_FIELDS or key.startswith("sentry.interfaces.") for key in event)


def _read_header(line: bytes) -> _Header:
    try:
        header = _header.decode(line)
    except _DECODE_ERRORS:
        header = _tolerant(line)
    if (line.count(b"sent_at") > 1 or b"\\u" in line) and _twice(line, "sent_at"):
        raise Refusal("duplicate_sent_at")
    return header


def _tolerant(line: bytes) -> _Header:
    """Parse a header that only Python's parser accepts, such as one with a lone surrogate in a trace's names."""
    header = _object(line)
    if header is None:
        raise Refusal("invalid_envelope_header")
    return _Header(header.get("event_id"), header.get("sent_at"), header.get("dsn"))


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _read_item(body: bytes, start: int) -> Item:
    line_end = _line_end(body, start)
    try:
        header = _item_header.decode(memoryview(body)[start:line_end])
    except _DECODE_ERRORS:
        header = _tolerant_item(body[start:line_end])
    payload = min(line_end + 1, len(body))
    end = _payload_end(body, payload, header.length)
    content_type = header.content_type if isinstance(header.content_type, str) else ""
    count = header.item_count if isinstance(header.item_count, int) and header.item_count > 0 else 1
    return Item(header.type, payload, end, content_type, count)


def _tolerant_item(line: bytes) -> _ItemHeader:
    """Parse an item header that only Python's parser accepts: odd characters in a file name must lose no event."""
    header = _object(line) or {}
    kind, length = header.get("type"), header.get("length")
    if not isinstance(kind, str) or isinstance(length, bool) or not isinstance(length, int | None):
        raise Refusal("invalid_item_header")
    return _ItemHeader(kind, length, header.get("content_type"), header.get("item_count"))


def _payload_end(body: bytes, start: int, length: int | None) -> int:
    if length is None:
        return _line_end(body, start)
    if length < 0:
        raise Refusal("invalid_item_header")
    end = start + length
    if end > len(body):
        raise Refusal("item_truncated")
    if end < len(body) and body[end : end + 1] != b"\n":
        raise Refusal("item_unterminated")
    return end


def _line_end(body: bytes, start: int) -> int:
    end = body.find(b"\n", start)
    return len(body) if end < 0 else end


def _skip_blank(body: bytes, start: int) -> int:
    """Return the position after empty lines, which Relay allows where an item header may stand."""
    if body[start : start + 1] in _UNBLANK:
        return start
    match = BLANK.match(body, start)
    return match.end() if match else start


def _twice(line: bytes, key: str) -> bool:
    """Return whether the outermost object has the key twice; msgspec silently keeps the last."""
    twice = False

    def check(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal twice
        twice = sum(name == key for name, _ in pairs) > 1  # the hook sees the outermost object last
        return {}

    json.loads(line.decode("utf-8", "replace"), object_pairs_hook=check, strict=False)
    return twice
