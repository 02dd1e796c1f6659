"""Reads the few fields of a payload that ingest needs; refuses only what the tolerant parser cannot read either.

Older Python SDKs write NaN, others send lone surrogates or control characters: msgspec refuses these, Python's parser
accepts them.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import msgspec

from app.ingest.codes import Refusal
from app.ingest.limits import MAX_ELEMENTS, MAX_TOKENS

TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{},"]', re.DOTALL)


class Peeked(msgspec.Struct):
    """The fields that ingest reads of a payload, as sent; None where absent."""

    event_id: Any = None
    type: Any = None
    sid: Any = None
    started: Any = None
    occurred: Any = msgspec.field(default=None, name="occurredOn")
    occurred_pascal: Any = msgspec.field(default=None, name="OccurredOn")
    details: msgspec.Raw = msgspec.Raw(b"null")
    details_pascal: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"null"), name="Details")


OBJECT: Final = msgspec.Raw(b"{}")
NO_OBJECT: Final = msgspec.Raw(b"null")

_peeked = msgspec.json.Decoder(Peeked)
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_REFUSED = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


def peek(payload: bytes) -> Peeked:
    """Read an object's fields. Raises Refusal("not_json") or ("not_an_object")."""
    try:
        return _peeked.decode(payload)
    except _REFUSED:
        return _tolerant(payload)


def has_details(fields: Peeked, payload: bytes) -> bool:
    """Return whether a Raygun report has an object ``details``, its name in any case."""
    if _is_object(fields.details) or _is_object(fields.details_pascal):
        return True
    try:
        return _is_object(_tolerant(payload).details)
    except Refusal:
        return False


def _is_object(raw: msgspec.Raw) -> bool:
    return bytes(memoryview(raw)[:1]) == b"{"


def _tolerant(payload: bytes) -> Peeked:
    try:
        value = tolerant_object(payload)
    except RecursionError:
        return _deep(payload)
    details = next((item for key, item in value.items() if key.lower() == "details" and isinstance(item, dict)), None)
    return Peeked(
        event_id=value.get("event_id"),
        type=value.get("type"),
        sid=value.get("sid"),
        started=value.get("started"),
        occurred=value.get("occurredOn"),
        occurred_pascal=value.get("OccurredOn"),
        details=NO_OBJECT if details is None else OBJECT,
    )


def tolerant_object(payload: bytes) -> dict[str, Any]:
    """Parse an object by Python's parser. Raises Refusal, and RecursionError for very deep nesting."""
    try:
        value = json.loads(payload.decode("utf-8-sig", "replace"), strict=False)
    except ValueError as error:
        raise Refusal("not_json") from error
    if not isinstance(value, dict):
        raise Refusal("not_an_object")
    return value


def _deep(payload: bytes) -> Peeked:
    """Accept an object that is nested too deep for any parser if its brackets close; its fields are unknown."""
    if not payload.lstrip().startswith(b"{") or len(list(_split(b"[" + payload + b"]"))) != 1:
        raise Refusal("not_an_object")
    return Peeked(details=OBJECT)


def elements(body: bytes) -> list[bytes]:
    """Return the bytes of each element of an array.

    Raises:
        Refusal: ``not_an_array``, ``not_json``, or ``too_many_items`` for more than MAX_ELEMENTS.
    """
    try:
        spans = [bytes(raw) for raw in _elements.decode(body)]
    except msgspec.ValidationError as error:
        raise Refusal("not_an_array") from error
    except _REFUSED:
        spans = list(islice(_split(body), MAX_ELEMENTS + 1))
    if len(spans) > MAX_ELEMENTS:
        raise Refusal("too_many_items")
    return spans


def _split(body: bytes) -> Iterator[bytes]:
    """Yield an array's elements by brackets and commas alone, in linear time.

    An element that no parser reads does not harm the others. Raises Refusal.
    """
    body = body.strip()
    if not body.startswith(b"["):
        raise Refusal("not_an_array")
    depth, start, last = 0, 1, -1
    for count, token in enumerate(TOKEN.finditer(body)):
        if count == MAX_TOKENS:
            raise Refusal("too_many_items")
        mark = token.group()[0:1]
        if mark in (b"[", b"{"):
            depth += 1
        elif mark in (b"]", b"}"):
            depth -= 1
        elif mark == b'"' and len(token.group()) == 1:
            break
        if depth == 0 or (depth == 1 and mark == b","):
            yield _element(body[start : token.start()])
            start, last = token.end(), token.end() if depth == 0 else last
        if depth == 0:
            break
    if last != len(body):
        raise Refusal("not_json")


def _element(span: bytes) -> bytes:
    span = span.strip()
    if not span:
        raise Refusal("not_json")
    return span
