"""Cuts a Sentry envelope, or a bare event, into records. Pure: no I/O, one pass, payloads are sliced once."""

import base64
import binascii
import re
import zlib
from typing import Final

from app.ingest.codes import Refusal
from app.ingest.envelope import Envelope, Item
from app.ingest.ids import EventId, normal_id, random_id, session_key
from app.ingest.limits import MAX_QUANTITY, MAX_RECORD, MAX_SESSION_ID
from app.ingest.peek import peek
from app.ingest.records import RequestRecords
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
    }
)
BASE64: Final = re.compile(rb"[A-Za-z0-9+/=_\s-]+\Z")


def add_envelope(envelope: Envelope, body: bytes, records: RequestRecords) -> str:
    """Add all items; return the event id of the reply, '' for none."""
    header_id = normal_id(envelope.event_id)
    answer = header_id or ""
    for item in envelope.items:
        if item.type == "event":
            event = _event_id(header_id, body[item.start : item.end])
            records.keep("sentry", event, body[item.start : item.end], content_type=item.content_type)
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
    return answer


def add_event(payload: bytes, records: RequestRecords) -> str:
    """Add the one event of ``/store/``; return its id. Raises Refusal for a payload that is no JSON object."""
    event_id = normal_id(peek(payload).event_id)
    event = EventId(event_id) if event_id else random_id()
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
    event_id = header_id or normal_id(_field(payload, "event_id"))
    return EventId(event_id) if event_id else random_id()


def _add_session(payload: bytes, records: RequestRecords) -> None:
    """Add a session under the key of its id as sent. One without an id is kept: it is a dead letter."""
    sid = _field(payload, "sid")
    if isinstance(sid, str) and sid:
        text = sid.encode("utf-8", "replace").decode()
        records.keep("session", EventId(text[:MAX_SESSION_ID]), payload, identifier=session_key(text))
    else:
        records.keep("session", random_id(), payload)


def _field(payload: bytes, name: str) -> object:
    try:
        return getattr(peek(payload), name)
    except Refusal:
        return None


def _add_refused(item: Item, records: RequestRecords) -> None:
    category: Category = "timing" if item.type in TIMINGS else "other"
    reason = item.type if item.type in TIMINGS or item.type in OTHERS else "unknown"
    records.refuse(category, reason, min(item.quantity, MAX_QUANTITY))
