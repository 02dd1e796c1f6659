"""The catalogue of the archive in PostgreSQL: which objects cover which offsets. The listing of objects is the truth.

A row is written after its object is durable and taken away before its object is deleted; a reader that finds no object
behind a row asks again.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from app.files.names import Span, name_of, parse_name
from app.files.objects import load_index
from app.files.pack import TornObject
from app.postgres import translated
from app.stores.objects.contract import ObjectStore
from app.topics import Source

if TYPE_CHECKING:
    from app.postgres import Pool

STORE: Final = "catalogue"
LAST: Final = 2**63 - 1

_log: Final = structlog.get_logger(__name__)

_ADD: Final = """
insert into objects (topic, partition, first, last, name, bytes) values ($1, $2, $3, $4, $5, $6)
on conflict (topic, partition, first, last) do update set bytes = excluded.bytes"""
_DROP: Final = "delete from objects where name = any($1)"
_COVERING: Final = """
select first, last, bytes from objects
where topic = $1 and partition = $2 and first <= $3 and last >= $3
order by first desc, last desc limit 3"""
_ACROSS: Final = """
select first, last, bytes from objects
where topic = $1 and partition = $2 and first <= $4 and last >= $3
order by first, last desc"""


class Entry(NamedTuple):
    """One object: what it covers and its size in bytes."""

    span: Span
    nbytes: int


class Catalogue:
    """Reads and writes the catalogue. All methods raise StoreUnavailable."""

    def __init__(self, pool: "Pool") -> None:
        """Take the pool of a migrated database."""
        self._pool = pool

    async def replace(self, source: Source, new: Iterable[Entry], old: Iterable[Span] = ()) -> None:
        """Add objects and take away others, in one transaction."""
        rows = [(*source, *entry.span, name_of(source, entry.span), entry.nbytes) for entry in new]
        names = [name_of(source, span) for span in old]
        with translated(STORE):
            async with self._pool.acquire() as connection, connection.transaction():
                if rows:
                    await connection.executemany(_ADD, rows)
                if names:
                    await connection.execute(_DROP, names)

    async def covering(self, source: Source, offset: int) -> list[Entry]:
        """Give objects that cover an offset: one, or a few where writers overlapped; each holds all of its span."""
        return await self._entries(_COVERING, source, offset)

    async def across(self, source: Source, first: int, last: int) -> list[Entry]:
        """Give the objects that cover any of ``first``..``last``, sorted by (first, -last)."""
        return await self._entries(_ACROSS, source, first, last)

    async def sources(self) -> list[Source]:
        """Give the sources that have objects, in order."""
        with translated(STORE):
            rows = await self._pool.fetch("select distinct topic, partition from objects order by topic, partition")
        return [Source(row["topic"], row["partition"]) for row in rows]

    async def _entries(self, query: str, source: Source, *offsets: int) -> list[Entry]:
        with translated(STORE):
            rows = await self._pool.fetch(query, *source, *offsets)
        return [Entry(Span(row["first"], row["last"]), row["bytes"]) for row in rows]


async def rebuild(blobs: ObjectStore, pool: "Pool") -> int:
    """Make the catalogue anew from the listing and count its objects; safe beside a running archive agent.

    Foreign and torn files are passed over.
    """
    catalogue = Catalogue(pool)
    listed: dict[Source, list[Span]] = {source: [] for source in await catalogue.sources()}
    async for name in blobs.list(""):
        parsed = parse_name(name)
        if parsed is not None:
            listed.setdefault(parsed[0], []).append(parsed[1])
    count = 0
    for source, spans in listed.items():
        count += len(await reconcile(blobs, catalogue, source, spans, trust=False))
    return count


async def reconcile(
    blobs: ObjectStore, catalogue: Catalogue, source: Source, listed: Iterable[Span], *, trust: bool = True
) -> dict[Span, Entry]:
    """Make the rows of a source those of its sound objects and return them.

    ``trust``: what has a row is taken to be sound. A row goes only when its object cannot be read at this moment: the
    row may be newer than the listing.
    """
    known = {entry.span: entry for entry in await catalogue.across(source, 0, LAST)}
    found: dict[Span, Entry] = {}
    listed = set(listed)
    for span in listed | set(known):
        entry = known[span] if trust and span in known and span in listed else await _look(blobs, source, span)
        if entry is not None:
            found[span] = entry
    new = [entry for span, entry in found.items() if known.get(span) != entry]
    gone = [span for span in known if span not in found]
    if new or gone:
        await catalogue.replace(source, new, gone)
    return found


async def _look(blobs: ObjectStore, source: Source, span: Span) -> Entry | None:
    name = name_of(source, span)
    try:
        return Entry(span, (await load_index(blobs, name))[1])
    except FileNotFoundError:
        return None
    except TornObject as error:
        _log.error("archive_object_torn", name=name, error=str(error))
        return None
