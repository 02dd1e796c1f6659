"""Cuts Raygun bodies into records. Pure: no I/O. Source of the shapes: WIRE.md, "Raygun crashes", "Raygun timings"."""

import json
from typing import Any, Final

import msgspec

from app.ingest.codes import Refusal
from app.ingest.ids import EventId, body_id, random_id
from app.ingest.limits import MAX_ELEMENTS
from app.ingest.peek import Peeked, elements, has_details, peek, tolerant_object
from app.ingest.records import RequestRecords
from app.ingest.times import has_fraction

TIMINGS: Final = ("web_request_timing", "mobile_event_timing")
SESSIONS: Final = ("session_start", "session_end")


class _Rum(msgspec.Struct):
    event_data: list[msgspec.Raw] | None = msgspec.field(default=None, name="eventData")


class _RumEvent(msgspec.Struct):
    type: Any = None
    timestamp: Any = None


_rum = msgspec.json.Decoder(_Rum)
_rum_event = msgspec.json.Decoder(_RumEvent)
_UNREAD: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


def add_entry(body: bytes, records: RequestRecords) -> None:
    """Add one report. Raises Refusal for a body that is no JSON object, or has no object ``details``."""
    fields = peek(body)
    if not has_details(fields, body):
        raise Refusal("no_details")
    records.keep("raygun", _report_id(fields, body, records), body)


def add_bulk(body: bytes, records: RequestRecords) -> None:
    """Add each report of an array, with its own bytes. An element that is no report is kept: it is a dead letter."""
    for element in elements(body):
        try:
            event = _report_id(peek(element), element, records)
        except Refusal:
            event = random_id()
        records.keep("raygun", event, element)


def add_events(body: bytes, records: RequestRecords) -> None:
    """Add each timing of ``/events``, with its own bytes; sessions and unknown types are counted and not kept.

    Raygun's sessions are not kept because no crash of Raygun names its session: each would count as free of crashes.
    Raises Refusal for a body that is no object with a list ``eventData``.
    """
    events = _events(body)
    for event in events[:MAX_ELEMENTS]:
        _add_event(event, records)
    if len(events) > MAX_ELEMENTS:
        records.refuse("timing", "too_many_items", len(events) - MAX_ELEMENTS)


def _add_event(event: bytes, records: RequestRecords) -> None:
    try:
        fields = _rum_event.decode(event)
    except _UNREAD:
        fields = _RumEvent(**_tolerant_event(event))
    if fields.type in TIMINGS:
        records.keep("timing", _timed_id(fields.timestamp, event, records), event)
    elif fields.type in SESSIONS:
        records.refuse("session", "raygun_session")
    else:
        records.refuse("timing", "rum")


def _events(body: bytes) -> list[bytes]:
    try:
        data = _rum.decode(body).event_data
    except _UNREAD:
        return _tolerant_events(body)
    if data is None:
        raise Refusal("not_an_object")
    return [bytes(raw) for raw in data]


def _tolerant_events(body: bytes) -> list[bytes]:
    """Encode the events anew where only a tolerant parser reads them."""
    try:
        data = tolerant_object(body).get("eventData")
        if not isinstance(data, list):
            raise Refusal("not_an_object")
        return [json.dumps(event).encode() for event in data]
    except RecursionError as error:
        raise Refusal("not_json") from error


def _tolerant_event(event: bytes) -> dict[str, Any]:
    try:
        fields = tolerant_object(event)
    except (Refusal, RecursionError):
        return {}
    return {name: fields.get(name) for name in ("type", "timestamp")}


def _report_id(fields: Peeked, body: bytes, records: RequestRecords) -> EventId:
    occurred = fields.occurred if fields.occurred is not None else fields.occurred_pascal
    return _timed_id(occurred, body, records)


def _timed_id(time: object, body: bytes, records: RequestRecords) -> EventId:
    """Return the hash of the body where its time has a fraction of a second, else a random id.

    With times in whole seconds a crash loop sends equal bodies, which must not be taken for one report sent twice.
    """
    return body_id(records.origin.project, body) if has_fraction(time) else random_id()
