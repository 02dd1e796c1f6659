"""Cuts a Sentry envelope, or a bare event, into records. Pure: no I/O, one pass, payloads are sliced once."""

import base64
import binascii
import re
import zlib
from typing import Final

from app.ingest.codes import Refusal
from app.ingest.envelope import Envelope, Item
from app.ingest.ids import EventId, normal_id, normal_session_id, random_id, session_key
from app.ingest.limits import MAX_QUANTITY, MAX_RECORD, MAX_SESSION_ID, SESSION_LIFE_MS
from app.ingest.peek import Peeked, peek
from app.ingest.records import RequestRecords
from app.ingest.times import milliseconds
from app.model import Category

TIMINGS: Final = frozenset({"transaction", "span", "trace_metric", "statsd", "profile", "profile_chunk"})
OTHERS: Final = frozenset(
    {
        "attachment",
        "log",
        "check_in",
        "feedback",
        "user_report",
        "replay_event",
        "replay_recording",
        "replay_video",
        "security",
        "minidump",
        "nel",
    }
)
NO_ERRORS: Final[dict[str, tuple[Category, str]]] = {
    "transaction": ("timing", "transaction"),
    "feedback": ("other", "feedback"),
    "userreportv2": ("other", "feedback"),
    "replay_event": ("other", "replay_event"),
}
"""Types of events that are no errors, with category and reason: old SDKs send them where errors are sent."""

_TRANSACTION: Final = b'"transaction"'
"""Without this text an event item is not parsed for its type: of these kinds only transactions come in event items."""

_TRIES: Final = 32
"""Occurrences that are checked before the payload is parsed."""

_BLANKS: Final = 64
"""Blanks that may stand between a key and its colon."""

BASE64: Final = re.compile(rb"[A-Za-z0-9+/=_\s-]+\Z")


def add_envelope(envelope: Envelope, body: bytes, records: RequestRecords) -> str:
    """Add all items; return the event id of the reply, '' for none."""
    header_id = normal_id(envelope.event_id)
    answer = header_id or ""
    for item in envelope.items:
        if item.type == "event":
            payload = body[item.start : item.end]
            if no_error := _no_error(payload):
                records.refuse(*no_error)
                continue
            event = _event_id(header_id, payload)
            records.keep("sentry", event, payload, content_type=item.content_type)
            answer = answer or event.text
            header_id = None  # the envelope's id is the first event's; a further event has its own
        elif item.type == "session":
            _add_session(body[item.start : item.end], records)
        elif item.type == "sessions":
            records.keep("sessions", random_id(), body[item.start : item.end])
        elif item.type == "client_report":
            records.keep("client_report", random_id(), body[item.start : item.end])
        else:
            _add_refused(item, records)
    if not envelope.items:
        records.refuse("other", "empty_envelope")  # whatever is acknowledged has a row in the ledger
    return answer


def add_event(payload: bytes, records: RequestRecords) -> str:
    """Add the one event of ``/store/``; return its id. Raises Refusal for a payload that is no JSON object."""
    fields = peek(payload)
    event_id = normal_id(fields.event_id)
    event = EventId(event_id) if event_id else random_id()
    if (no_error := NO_ERRORS.get(str(fields.type))) is not None:
        records.refuse(*no_error)
    else:
        records.keep("sentry", event, payload)
    return event.text


def unpack_store(body: bytes) -> bytes:
    """Return the event in a body of ``/store/``: JSON, or base64 of JSON or of zlib of JSON. Raises Refusal."""
    body = body.strip() if body[:1].isspace() else body
    if body.startswith((b"{", b"[")) or not BASE64.match(body):
        return body
    try:
        data = base64.b64decode(body.translate(_URL_SAFE) + b"==")
    except binascii.Error as error:
        raise Refusal("not_json") from error
    return data if data.lstrip().startswith(b"{") else _inflate(data)


_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")


def _inflate(data: bytes) -> bytes:
    decoder = zlib.decompressobj()
    try:
        event = decoder.decompress(data, MAX_RECORD + 1)
    except zlib.error as error:
        raise Refusal("not_json") from error
    if len(event) > MAX_RECORD:
        raise Refusal("body_too_large")
    if not decoder.eof:
        raise Refusal("not_json")
    return event


def _event_id(header_id: str | None, payload: bytes) -> EventId:
    event_id = header_id or normal_id(_fields(payload).event_id)
    return EventId(event_id) if event_id else random_id()


def _no_error(payload: bytes) -> tuple[Category, str] | None:
    """Return (category, reason) of an event whose type is none of an error's, None for an error."""
    if not _is_value(payload, _TRANSACTION):
        return None
    return NO_ERRORS.get(str(_fields(payload).type))


def _is_value(payload: bytes, mark: bytes) -> bool:
    """Return whether a text may stand as a value; as a key ``"transaction"`` is in most events."""
    at = payload.find(mark)
    for _ in range(_TRIES):
        if at < 0:
            return False
        after = payload[at + len(mark) : at + len(mark) + _BLANKS].lstrip()
        if not after.startswith(b":"):
            return True
        at = payload.find(mark, at + len(mark))
    return True


def _add_session(payload: bytes, records: RequestRecords) -> None:
    """Add a session under the key of its id. One without an id is kept: it is a dead letter."""
    fields = _fields(payload)
    sid = _session_id(fields, records)
    if sid:
        records.keep("session", EventId(sid[:MAX_SESSION_ID]), payload, identifier=session_key(sid))
    else:
        records.keep("session", random_id(), payload)


def _session_id(fields: Peeked, records: RequestRecords) -> str | None:
    """Return the id of a session, one for all forms; of a session that may have been open at the change, as sent.

    Its state is under that key, in that key's partition. ``started`` is the same in all updates of a session, so
    that each of them gets the same key.
    """
    started, since = milliseconds(fields.started), records.layout.sessions_since
    if isinstance(fields.sid, str) and started is not None and since - SESSION_LIFE_MS <= started < since:
        return fields.sid.encode("utf-8", "replace").decode()
    return normal_session_id(fields.sid)


def _fields(payload: bytes) -> Peeked:
    try:
        return peek(payload)
    except Refusal:
        return Peeked()


def _add_refused(item: Item, records: RequestRecords) -> None:
    category: Category = "timing" if item.type in TIMINGS else "other"
    reason = item.type if item.type in TIMINGS or item.type in OTHERS else "unknown"
    records.refuse(category, reason, min(item.quantity, MAX_QUANTITY))
