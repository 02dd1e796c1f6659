"""Reads from a payload just what routing needs; whatever a tolerant parser can read is not refused here.

Older Python SDKs write NaN, others send lone surrogates or control characters: msgspec refuses these, Python's parser
takes them.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import msgspec

from app.ingest.codes import Refusal

MAX_ELEMENTS: Final = 1000
"""Reports in one bulk request: raygun4node's batches are of 100."""

MAX_TOKENS: Final = 2_000_000
"""Marks that the tolerant cut looks at, half a second of work: hostile bodies are all brackets."""

TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{},"]', re.DOTALL)


class Glance(msgspec.Struct):
    """The fields that ingest looks at, as they came; None where absent."""

    event_id: Any = None
    sid: Any = None
    occurred: Any = msgspec.field(default=None, name="occurredOn")
    occurred_pascal: Any = msgspec.field(default=None, name="OccurredOn")


_glance = msgspec.json.Decoder(Glance)
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_REFUSED = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


def glance(payload: bytes) -> Glance:
    """Look at an object. Raises Refusal("not_json") or ("not_an_object")."""
    try:
        return _glance.decode(payload)
    except _REFUSED:
        return _tolerant(payload)


def _tolerant(payload: bytes) -> Glance:
    try:
        value = tolerant_object(payload)
    except RecursionError:
        return _deep(payload)
    return Glance(value.get("event_id"), value.get("sid"), value.get("occurredOn"), value.get("OccurredOn"))


def tolerant_object(payload: bytes) -> dict[str, Any]:
    """Read an object as Python does. Raises Refusal, and RecursionError for what is nested very deep."""
    try:
        value = json.loads(payload.decode("utf-8-sig", "replace"), strict=False)
    except ValueError as error:
        raise Refusal("not_json") from error
    if not isinstance(value, dict):
        raise Refusal("not_an_object")
    return value


def _deep(payload: bytes) -> Glance:
    """Take an object that is nested too deep to look into, if its brackets close."""
    if not payload.lstrip().startswith(b"{") or len(list(_split(b"[" + payload + b"]"))) != 1:
        raise Refusal("not_an_object")
    return Glance()


def elements(body: bytes) -> list[bytes]:
    """Cut an array into its elements' own bytes. Raises Refusal("not_an_array") or ("too_many_items")."""
    try:
        found = [bytes(raw) for raw in _elements.decode(body)]
    except msgspec.ValidationError as error:
        raise Refusal("not_an_array") from error
    except _REFUSED:
        found = list(islice(_split(body), MAX_ELEMENTS + 1))
    if len(found) > MAX_ELEMENTS:
        raise Refusal("too_many_items")
    return found


def _split(body: bytes) -> Iterator[bytes]:
    """Cut by brackets and commas alone, in linear time: one element that cannot be read leaves the others whole."""
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
