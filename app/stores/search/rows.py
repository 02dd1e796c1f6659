"""Documents as rows of the events table, and back. Pure but for the names of columns."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

import msgspec

from app.model import Address
from app.records import EventSummary
from app.stores.search.contract import Document
from app.stores.search.days import day_of
from app.stores.search.lexemes import MAX_TAGS, vector
from app.stores.search.text import MAX_VALUE, storable

INSERT: Final = """
insert into events as e
  (project, event_id, day, time, grp, generation, topic, partition, "offset", found, facets, words)
select project, event_id, day, time, grp, generation, topic, partition, "offset", found, facets::jsonb, words::tsvector
from unnest($1::bigint[], $2::text[], $3::date[], $4::bigint[], $5::text[], $6::int[], $7::text[], $8::int[],
            $9::bigint[], $10::bytea[], $11::text[], $12::text[])
  as new (project, event_id, day, time, grp, generation, topic, partition, "offset", found, facets, words)
on conflict (event_id, project, day) do update set
  time = excluded.time, grp = excluded.grp, generation = excluded.generation, topic = excluded.topic,
  partition = excluded.partition, "offset" = excluded."offset", found = excluded.found, facets = excluded.facets,
  words = excluded.words
where (excluded.generation, excluded."offset") > (e.generation, e."offset")"""

_found = msgspec.msgpack.Decoder(EventSummary)
_encode = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder().encode


class Row(NamedTuple):
    """One event as it is inserted, in the order of INSERT's parameters."""

    project: int
    event_id: str
    day: date
    time: int
    grp: str
    generation: int
    topic: str
    partition: int
    offset: int
    found: bytes
    facets: str
    words: str


def row_of(document: Document) -> Row:
    """Give the row of a document."""
    address, found = document.address, document.summary
    return Row(
        found.project,
        storable(found.event_id),
        day_of(found.received),
        found.time,
        storable(found.group),
        generation_of(address.topic),
        address.topic,
        address.partition,
        address.offset,
        _encode(found),
        _json(facets_of(found)).decode(),
        vector(found),
    )


def newest(documents: Iterable[Document]) -> list[Row]:
    """Give the rows of documents, of each event and day the one with the greatest offset, in the order of the key."""
    rows: dict[tuple[str, int, date], Row] = {}
    for row in map(row_of, documents):
        key = (row.event_id, row.project, row.day)
        if key not in rows or (rows[key].generation, rows[key].offset) < (row.generation, row.offset):
            rows[key] = row
    return [rows[key] for key in sorted(rows)]


def columns(rows: Sequence[Row]) -> list[list[Any]]:
    """Give rows as INSERT's parameters."""
    return [list(column) for column in zip(*rows, strict=True)]


def document_of(row: Any) -> Document:  # noqa: ANN401  a row of asyncpg
    """Give the document of a row's address and ``found``."""
    return Document(Address(row["topic"], row["partition"], row["offset"]), _found.decode(row["found"]))


def generation_of(topic: str) -> int:
    """Give the log generation in a topic's name, 0 where there is none."""
    head = topic.partition(".")[0]
    return int(head) if head.isascii() and head.isdigit() else 0


def facets_of(found: EventSummary) -> dict[str, str]:
    """Give what facets count of an event: its tags, and, before a tag of that name, release, environment, user."""
    named = {"release": found.release, "environment": found.environment, "user": found.user}
    both = {**dict(list(found.tags.items())[:MAX_TAGS]), **{key: text for key, text in named.items() if text}}
    return {storable(key)[:MAX_VALUE]: storable(text)[:MAX_VALUE] for key, text in both.items() if text}
