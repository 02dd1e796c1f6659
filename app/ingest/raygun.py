"""From Raygun bodies to records. Pure: no I/O."""

import msgspec

from app.ingest.codes import Refusal
from app.ingest.ids import EventId, body_id, random_id
from app.ingest.read import Glance, elements, glance, tolerant_object
from app.ingest.records import Batch
from app.ingest.times import has_fraction


class _Rum(msgspec.Struct):
    event_data: list[msgspec.Raw] | None = msgspec.field(default=None, name="eventData")


_rum = msgspec.json.Decoder(_Rum)


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


def add_timings(body: bytes, batch: Batch) -> None:
    """Count the timings of ``/events``, which are not kept. Raises Refusal for what is no such object."""
    count = _count_timings(body)
    if count:
        batch.refuse("timing", "rum", count)


def _count_timings(body: bytes) -> int:
    try:
        data: object = _rum.decode(body).event_data
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        data = _tolerant_timings(body)
    if not isinstance(data, list):
        raise Refusal("not_an_object")
    return len(data)


def _tolerant_timings(body: bytes) -> object:
    try:
        return tolerant_object(body).get("eventData")
    except RecursionError as error:
        raise Refusal("not_json") from error


def _identify(seen: Glance, body: bytes, batch: Batch) -> EventId:
    """Hash the body where its time tells equal bodies apart; in whole seconds a crash loop sends equal ones."""
    occurred = seen.occurred if seen.occurred is not None else seen.occurred_pascal
    return body_id(batch.origin.project, body) if has_fraction(occurred) else random_id()
