"""The catalogue of the archive in PostgreSQL: which objects cover which offsets. The listing of objects is the truth.

A row is written after its object is durable and removed before its object is deleted. A reader that finds no object
for a row reads the catalogue again.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from app.files.names import OffsetSpan, name_of, parse_name
from app.files.objects import load_index
from app.files.pack import TornObject
from app.postgres import translated
from app.stores.objects.contract import ObjectStore
from app.tasks import Joined
from app.topics import Source

if TYPE_CHECKING:
    from app.postgres import Pool

STORE: Final = "catalogue"
JOIN_SECONDS: Final = 0.005
"""How long a change waits for those of other sources of the same round."""

MAX_OFFSET: Final = 2**63 - 1

_log: Final = structlog.get_logger(__name__)

_REPLACE: Final = """
with gone as (delete from objects where name = any($7))
insert into objects (topic, partition, first, last, name, bytes)
select * from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[])
on conflict (topic, partition, first, last) do update set bytes = excluded.bytes"""
_COVERING: Final = """
select first, last, bytes from objects
where topic = $1 and partition = $2 and first <= $3 and last >= $3
order by first desc, last desc limit 3"""
_ACROSS: Final = """
select first, last, bytes from objects
where topic = $1 and partition = $2 and first <= $4 and last >= $3
order by first, last desc"""


ObjectRow = tuple[str, int, int, int, str, int]
"""A row of the table: topic, partition, first and last offset, name, bytes."""


class ObjectEntry(NamedTuple):
    """One object: the offsets that it covers and its size in bytes."""

    span: OffsetSpan
    nbytes: int


class Catalogue:
    """Reads and writes the catalogue over a pool to a migrated database. All methods raise StoreUnavailable."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._replace = Joined(self._replace_all, JOIN_SECONDS)

    async def replace(self, source: Source, new: Iterable[ObjectEntry], old: Iterable[OffsetSpan] = ()) -> None:
        """Add the rows of some objects and remove those of others, in one transaction; concurrent calls share it."""
        rows = [(*source, *entry.span, name_of(source, entry.span), entry.nbytes) for entry in new]
        await self._replace((rows, [name_of(source, span) for span in old]))

    async def _replace_all(self, changes: Sequence[tuple[list[ObjectRow], list[str]]]) -> None:
        # Of the same object, which two writers may add, the last row: a statement cannot update a row twice.
        rows = {row[:4]: row for added, _ in changes for row in added}
        columns = list(zip(*rows.values(), strict=True)) or [()] * 6
        names = [name for _, removed in changes for name in removed]
        with translated(STORE):
            await self._pool.execute(_REPLACE, *columns, names)

    async def covering(self, source: Source, offset: int) -> list[ObjectEntry]:
        """Return the objects that cover an offset: one, or up to three where writers overlapped."""
        return await self._entries(_COVERING, source, offset)

    async def across(self, source: Source, first: int, last: int) -> list[ObjectEntry]:
        """Return the objects that cover any of the offsets ``first``..``last``, by (first, -last)."""
        return await self._entries(_ACROSS, source, first, last)

    async def sources(self) -> list[Source]:
        """Return the sources that have objects, in order."""
        with translated(STORE):
            rows = await self._pool.fetch("select distinct topic, partition from objects order by topic, partition")
        return [Source(row["topic"], row["partition"]) for row in rows]

    async def newest(self) -> str:
        """Return the name of one of the newest objects, "" where there is none."""
        with translated(STORE):
            return str(await self._pool.fetchval("select name from objects order by first desc limit 1") or "")

    async def _entries(self, query: str, source: Source, *offsets: int) -> list[ObjectEntry]:
        with translated(STORE):
            rows = await self._pool.fetch(query, *source, *offsets)
        return [ObjectEntry(OffsetSpan(row["first"], row["last"]), row["bytes"]) for row in rows]


async def rebuild(blobs: ObjectStore, pool: "Pool") -> int:
    """Rebuild the catalogue from the listing and return the number of objects; safe beside a running archive agent.

    Foreign and torn objects are skipped.
    """
    catalogue = Catalogue(pool)
    listed: dict[Source, list[OffsetSpan]] = {source: [] for source in await catalogue.sources()}
    async for name in blobs.list(""):
        parsed = parse_name(name)
        if parsed is not None:
            listed.setdefault(parsed[0], []).append(parsed[1])
    count = 0
    for source, spans in listed.items():
        count += len(await reconcile(blobs, catalogue, source, spans, trust=False))
    return count


async def reconcile(
    blobs: ObjectStore, catalogue: Catalogue, source: Source, listed: Iterable[OffsetSpan], *, trust: bool = True
) -> dict[OffsetSpan, ObjectEntry]:
    """Make the rows of a source those of its intact objects and return them.

    Args:
        blobs: Where the objects are.
        catalogue: Where the rows are.
        source: Topic with generation, and partition.
        listed: The spans of the source's objects in the listing.
        trust: Whether an object that is listed and has a row is taken to be intact; otherwise its index is read.

    A row without a listed object may be newer than the listing: it is removed only if its object cannot be read.
    """
    known = {entry.span: entry for entry in await catalogue.across(source, 0, MAX_OFFSET)}
    intact: dict[OffsetSpan, ObjectEntry] = {}
    listed = set(listed)
    for span in listed | set(known):
        entry = known[span] if trust and span in known and span in listed else await _inspect(blobs, source, span)
        if entry is not None:
            intact[span] = entry
    new = [entry for span, entry in intact.items() if known.get(span) != entry]
    gone = [span for span in known if span not in intact]
    if new or gone:
        await catalogue.replace(source, new, gone)
    return intact


async def _inspect(blobs: ObjectStore, source: Source, span: OffsetSpan) -> ObjectEntry | None:
    """Return the entry of an object whose index can be read, None for a missing or torn one."""
    name = name_of(source, span)
    try:
        return ObjectEntry(span, (await load_index(blobs, name))[1])
    except FileNotFoundError:
        return None
    except TornObject as error:
        _log.error("archive_object_torn", name=name, error=str(error))
        return None
