"""Events as documents of Elasticsearch, and back. Pure.

An identifier with humps is a word as a whole besides its parts. A text of Elasticsearch has one word a place, so the
wholes stand in a text of their own, ``joined``, at the same places; ``VOID`` fills the places between. Queries of
phrases look at both texts as one (``intervals`` with ``use_field``), and find what PostgreSQL finds.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from app.model import Address
from app.records import EventSummary
from app.stores.search.contract import Document
from app.stores.search.days import DAY_MS, day_of
from app.stores.search.lexemes import fields, placed
from app.stores.search.rows import facets_of, generation_of
from app.stores.search.text import Run, storable, value

VOID: Final = "_"
"""Fills a place. No word is it: words are letters and digits."""

WHOLE, SIMPLE, LEAST = range(3)
"""How much of an event its document tells: all; no tags and facets; only what its id, group and time find."""

OFFSET_BITS: Final = 44
"""Of an external version, 63 bits: 17 million million offsets a generation, half a million generations."""

LONGEST: Final = 2**62
"""Times beyond are sorted as this one: Elasticsearch's numbers end at 2**63, and the cursors' here."""

LAST_RECEIVED: Final = int(datetime.combine(day_of(2**63), time.max, UTC).timestamp()) * 1000

_ID: Final = re.compile(r"[0-9a-z]{1,64}")
_found = msgspec.json.Decoder(EventSummary)
_json = msgspec.json.Encoder().encode


class Indexed(NamedTuple):
    """One document as it is written: where, under which version, and what of it."""

    day: date
    id: str
    version: int
    body: dict[str, Any]


def indexed(document: Document, extent: int = WHOLE) -> Indexed:
    """Give a document as it is written; every value fits the mapping (``app.stores.search.elastic_schema``)."""
    found, address = document.summary, document.address
    return Indexed(day_of(found.received), id_of(found), version_of(address), _body(document, extent))


def id_of(found: EventSummary) -> str:
    """Give the ``_id`` of an event. The day that it was received is the index's: it is unique there alone."""
    event_id = storable(found.event_id)
    if not _ID.fullmatch(event_id):
        event_id = f"h-{blake2b(event_id.encode(), digest_size=16).hexdigest()}"
    return f"{found.project}-{event_id}"


def version_of(address: Address) -> int:
    """Give the external version: of one event the greatest (generation, offset) stays, whoever writes last."""
    generation = min(generation_of(address.topic), (1 << (63 - OFFSET_BITS)) - 1)
    return (generation << OFFSET_BITS) + min(address.offset, (1 << OFFSET_BITS) - 1)


def document_of(hit: Mapping[str, Any]) -> Document:
    """Give the document of a hit of a search sorted by ``SORT``: the address is in the sort's values."""
    _, topic, partition, offset = hit["sort"]
    return Document(Address(topic, partition, offset), _found.decode(hit["_source"]["found"]))


def _body(document: Document, extent: int) -> dict[str, Any]:
    found, (topic, partition, offset) = document.summary, document.address
    body: dict[str, Any] = {
        "project": found.project,
        "event": value(found.event_id),
        "group": value(found.group),
        "time": min(max(found.time, -LONGEST), LONGEST),
        "received": min(max(found.received, 0), LAST_RECEIVED),
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "found": _json(found).decode(),
    }
    if extent < LEAST:
        body |= _words(found)
        named, tags = _fields(found)
        body |= named
        if extent < SIMPLE:
            facets = facets_of(found)
            body |= {"tags": tags, "facets": facets, "facet_keys": list(facets)}
    return body


def _fields(found: EventSummary) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Give what ``field:value`` and ``tag.key:value`` look at, without case."""
    named: dict[str, str] = {}
    tags: defaultdict[str, list[str]] = defaultdict(list)
    for name, text in fields(found):
        if not text:
            continue
        if name.startswith("tag."):
            tags[tag_key(name)].append(value(text))
        else:
            named[name] = value(text)
    return named, tags


def tag_key(name: str) -> str:
    """Give the key of a tag's name ``tag.<key>`` as it is compared."""
    return value(name).removeprefix("tag.")


def _words(found: EventSummary) -> dict[str, str]:
    """Give the title's words and all words, each as a text of parts and one of wholes."""
    every = list(placed(found))
    title, title_joined = _places((first, run) for number, first, run in every if number == 0)
    words, joined = _places((first, run) for _, first, run in every)
    return {"title": title, "title_joined": title_joined, "words": words, "joined": joined}


def _places(runs: Iterable[tuple[int, Run]]) -> tuple[str, str]:
    parts: list[str] = []
    wholes: list[str] = []
    for first, run in runs:
        parts += _void(parts, first)
        parts += run.parts
        if run.whole:
            wholes += _void(wholes, first)
            wholes += [run.whole, *[VOID] * (len(run.parts) - 2), run.whole]
    return " ".join(parts), " ".join(wholes)


def _void(words: list[str], place: int) -> Iterator[str]:
    """Give what fills the places before ``place`` (from 1)."""
    return iter([VOID] * (place - 1 - len(words)))


def last_ms(day: date) -> int:
    """Give the last ms of a UTC day."""
    return int(datetime.combine(day, time.min, UTC).timestamp()) * 1000 + DAY_MS - 1
