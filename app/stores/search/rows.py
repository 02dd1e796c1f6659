"""Documents as rows of the events table in PostgreSQL, and back. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

import msgspec

from app.model import Address
from app.records import EventSummary
from app.stores.search.contract import Document, generation_of
from app.stores.search.days import day_of
from app.stores.search.lexemes import facets_of, vector
from app.stores.search.text import storable

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

_summaries = msgspec.msgpack.Decoder(EventSummary)
_encode = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder().encode


class EventRow(NamedTuple):
    """One row of the events table, in the order of INSERT's parameters."""

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


def row_of(document: Document) -> EventRow:
    """Return the row of a document."""
    address, summary = document.address, document.summary
    return EventRow(
        project=summary.project,
        event_id=storable(summary.event_id),
        day=day_of(summary.received),
        time=summary.time,
        grp=storable(summary.group),
        generation=generation_of(address.topic),
        topic=address.topic,
        partition=address.partition,
        offset=address.offset,
        found=_encode(summary),
        facets=_json(facets_of(summary)).decode(),
        words=vector(summary),
    )


def newest(documents: Iterable[Document]) -> list[EventRow]:
    """Return the rows of documents in key order, of each event and day the one with the greatest offset.

    One order in all processes keeps inserts of the same events from deadlocking.
    """
    rows: dict[tuple[str, int, date], EventRow] = {}
    for row in map(row_of, documents):
        key = (row.event_id, row.project, row.day)
        if key not in rows or (rows[key].generation, rows[key].offset) < (row.generation, row.offset):
            rows[key] = row
    return [rows[key] for key in sorted(rows)]


def columns(rows: Sequence[EventRow]) -> list[list[Any]]:
    """Return rows as INSERT's parameters, one array a column."""
    return [list(column) for column in zip(*rows, strict=True)]


def document_of(row: Any) -> Document:  # noqa: ANN401  a row of asyncpg
    """Return the document of a row that has the address and ``found``."""
    return Document(Address(row["topic"], row["partition"], row["offset"]), _summaries.decode(row["found"]))
