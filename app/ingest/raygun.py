"""From Raygun bodies to records. Pure: no I/O."""

import json
from typing import Any, Final

import msgspec

from app.ingest.codes import Refusal
from app.ingest.ids import EventId, body_id, random_id
from app.ingest.read import MAX_ELEMENTS, Glance, elements, glance, tolerant_object
from app.ingest.records import Batch
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


def add_entry(body: bytes, batch: Batch) -> None:
    """Add one report. Raises Refusal for what is no JSON object."""
    batch.keep("raygun", _identify(glance(body), body, batch), body)


def add_bulk(body: bytes, batch: Batch) -> None:
    """Add each report of an array, with its own bytes; one that is no report is kept for the agent to judge."""
    for element in elements(body):
        try:
            event = _identify(glance(element), element, batch)
        except Refusal:
            event = random_id()
        batch.keep("raygun", event, element)


def add_events(body: bytes, batch: Batch) -> None:
    """Add each timing of ``/events``, with its own bytes; sessions and what is unknown are counted and not kept.

    No crash of Raygun names its session, so that every session would seem free of crashes. Raises Refusal for what is
    no such object.
    """
    events = _events(body)
    for event in events[:MAX_ELEMENTS]:
        _add_event(event, batch)
    if len(events) > MAX_ELEMENTS:
        batch.refuse("timing", "too_many_items", len(events) - MAX_ELEMENTS)


def _add_event(event: bytes, batch: Batch) -> None:
    try:
        seen = _rum_event.decode(event)
    except _UNREAD:
        seen = _RumEvent(**_tolerant_event(event))
    if seen.type in TIMINGS:
        batch.keep("timing", _identity(seen.timestamp, event, batch), event)
    elif seen.type in SESSIONS:
        batch.refuse("session", "raygun_session")
    else:
        batch.refuse("timing", "rum")


def _events(body: bytes) -> list[bytes]:
    try:
        data = _rum.decode(body).event_data
    except _UNREAD:
        return _tolerant_events(body)
    if data is None:
        raise Refusal("not_an_object")
    return [bytes(raw) for raw in data]


def _tolerant_events(body: bytes) -> list[bytes]:
    """Write the events anew where only a tolerant parser can read them."""
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


def _identify(seen: Glance, body: bytes, batch: Batch) -> EventId:
    """Hash the body where its time tells equal bodies apart; in whole seconds a crash loop sends equal ones."""
    occurred = seen.occurred if seen.occurred is not None else seen.occurred_pascal
    return _identity(occurred, body, batch)


def _identity(time: object, body: bytes, batch: Batch) -> EventId:
    return body_id(batch.origin.project, body) if has_fraction(time) else random_id()
