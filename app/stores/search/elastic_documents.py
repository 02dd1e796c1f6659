"""Events as documents of Elasticsearch, and back. Pure.

An identifier with humps is indexed as its parts and as a whole word. A text of Elasticsearch has one word a position:
the wholes are a text of their own, ``…joined``, at the positions of their parts, and ``VOID`` fills the positions
between. Queries for phrases match both texts as one (``intervals`` with ``use_field``) and find the same events as on
PostgreSQL. Each kind of words has its own pair of texts, with positions of its own.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec

from app.model import Address
from app.records import EventSummary
from app.stores.search.contract import Document, generation_of
from app.stores.search.days import day_of
from app.stores.search.elastic_schema import OWN, TEXTS
from app.stores.search.lexemes import facets_of, fields, placed
from app.stores.search.text import Run, storable, value

VOID: Final = "_"
"""Fills a position. It equals no word: words are letters and digits."""

WHOLE, SIMPLE, LEAST = range(3)
"""How much of an event is indexed: all; all but tags, contexts and facets; only its id, group and time. A document that
Elasticsearch refuses for one of its values is written with less, so that it is found at all."""

OFFSET_BITS: Final = 44
"""Bits of the offset in an external version, which has 63: 1.7e13 offsets a generation, half a million generations."""

LONGEST: Final = 2**62
"""The greatest time, and with a minus the least, that is indexed: the cursor's bound. Others are sorted as these."""

LAST_RECEIVED: Final = int(datetime.combine(day_of(2**63), time.max, UTC).timestamp()) * 1000
"""The end of the last day that an index is named for, ms."""

_ID: Final = re.compile(r"[0-9a-z]{1,64}")
_summaries = msgspec.json.Decoder(EventSummary)
_json = msgspec.json.Encoder().encode


class IndexedDocument(NamedTuple):
    """One document as it is written: the day of its index, its ``_id``, its external version and its body."""

    day: date
    id: str
    version: int
    body: dict[str, Any]


def indexed(document: Document, extent: int = WHOLE) -> IndexedDocument:
    """Return a document as it is written; every value fits the mapping (``app.stores.search.elastic_schema``)."""
    summary = document.summary
    version = version_of(document.address)
    return IndexedDocument(day_of(summary.received), id_of(summary), version, _body(document, extent))


def id_of(summary: EventSummary) -> str:
    """Return the ``_id`` of an event, unique in the index of its received day.

    It is project and event id, so that a redelivery, also from a later generation, overwrites the document. An event id
    that is no short lower-case word is hashed: Elasticsearch takes ids of 512 bytes at most.
    """
    event_id = storable(summary.event_id)
    if not _ID.fullmatch(event_id):
        event_id = f"h-{blake2b(event_id.encode(), digest_size=16).hexdigest()}"
    return f"{summary.project}-{event_id}"


def version_of(address: Address) -> int:
    """Return the external version: of one event the greatest (generation, offset) stays, in any order of writes."""
    generation = min(generation_of(address.topic), (1 << (63 - OFFSET_BITS)) - 1)
    return (generation << OFFSET_BITS) + min(address.offset, (1 << OFFSET_BITS) - 1)


def document_of(hit: Mapping[str, Any]) -> Document:
    """Return the document of a hit of a search sorted by ``SORT``, whose values hold the address."""
    _, topic, partition, offset = hit["sort"]
    return Document(Address(topic, partition, offset), _summaries.decode(hit["_source"]["found"]))


def _body(document: Document, extent: int) -> dict[str, Any]:
    summary, (topic, partition, offset) = document.summary, document.address
    body: dict[str, Any] = {
        "project": summary.project,
        "event": value(summary.event_id),
        "group": value(summary.group),
        "time": min(max(summary.time, -LONGEST), LONGEST),
        "received": min(max(summary.received, 0), LAST_RECEIVED),
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "found": _json(summary).decode(),
    }
    if extent < LEAST:
        body |= _words(summary)
        named, tags, others = _fields(summary)
        body |= named
        if extent < SIMPLE:
            facets = facets_of(summary)
            body |= {"tags": tags, "fields": others, "facets": facets, "facet_keys": list(facets)}
    return body


Values = dict[str, list[str]]


def _fields(summary: EventSummary) -> tuple[Values, Values, Values]:
    """Return the values, in lower case, that queries compare: of fields of their own, of tags, of other fields."""
    named: defaultdict[str, list[str]] = defaultdict(list)
    tags: defaultdict[str, list[str]] = defaultdict(list)
    others: defaultdict[str, list[str]] = defaultdict(list)
    for name, text in fields(summary):
        if not text:
            continue
        if name.startswith("tag."):
            tags[tag_key(name)].append(value(text))
        elif name in OWN:
            named[name].append(value(text))
        else:
            others[value(name)].append(value(text))
    return named, tags, others


def tag_key(name: str) -> str:
    """Return the key of a tag's name ``tag.<key>`` as it is compared."""
    return value(name).removeprefix("tag.")


def _words(summary: EventSummary) -> dict[str, str]:
    """Return the words of each kind as a text of parts and one of wholes, without those that have no word."""
    texts: dict[str, str] = {}
    for kind, every in groupby(placed(summary), key=itemgetter(0)):
        parts, wholes = _positioned((first, run) for _, first, run in every)
        name, joined = TEXTS[kind]
        texts[name] = parts
        if wholes:
            texts[joined] = wholes
    return texts


def _positioned(runs: Iterable[tuple[int, Run]]) -> tuple[str, str]:
    """Return the texts of parts and of wholes; a whole is at the positions of its first and its last part."""
    parts: list[str] = []
    wholes: list[str] = []
    before: int | None = None
    for place, run in runs:
        before = place - 1 if before is None else before
        first = place - before
        parts += _void(parts, first)
        parts += run.parts
        if run.whole:
            wholes += _void(wholes, first)
            wholes += [run.whole, *[VOID] * (len(run.parts) - 2), run.whole]
    return " ".join(parts), " ".join(wholes)


def _void(words: list[str], position: int) -> list[str]:
    """Return the fill between the end of ``words`` and ``position``, which counts from 1."""
    return [VOID] * (position - 1 - len(words))
