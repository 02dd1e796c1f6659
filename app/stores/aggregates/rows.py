"""Window rows in PostgreSQL: read by key, written by compare-and-set on their version.

Rows are sent as one array a column: the number of round trips does not depend on the number of rows.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from app.cells import Cell
from app.stores.aggregates.hashes import Pending, key_columns
from tables.windows import NEVER, Row, WindowKey, decode_sketches, encode_sketches

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    Connection = asyncpg.Connection  # its parameter exists for type checkers alone

_encode_counts = msgspec.json.Encoder(order="deterministic").encode
_decode_counts = msgspec.json.Decoder(dict[str, int]).decode

_READ = """
select n.i, w.generation, w.version, w.counts, w.sketches
from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::int[], $6::bigint[]) with ordinality
  n (project, kind, grp, release, size, start, i)
join windows w on w.project = n.project and w.kind = n.kind::"char" and w.grp = n.grp and w.release = n.release
  and w.size = n.size and w.start = n.start"""

# Sketches that did not change stay where they are: a long value that is assigned to itself is not written again.
_UPDATE = """
update windows w set generation = n.generation, version = n.version, counts = n.counts,
  sketches = coalesce(n.sketches, w.sketches)
from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::int[], $6::bigint[],
  $7::int[], $8::bigint[], $9::jsonb[], $10::bytea[], $11::int[], $12::bigint[]) with ordinality
  n (project, kind, grp, release, size, start, generation, version, counts, sketches, old_generation, old_version, i)
where w.project = n.project and w.kind = n.kind::"char" and w.grp = n.grp and w.release = n.release
  and w.size = n.size and w.start = n.start and w.generation = n.old_generation and w.version = n.old_version
returning n.i"""

_INSERT = """
insert into windows (project, kind, grp, release, size, start, generation, version, counts, sketches)
select project, kind::"char", grp, release, size, start, generation, version, counts, sketches
from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::int[], $6::bigint[],
  $7::int[], $8::bigint[], $9::jsonb[], $10::bytea[])
  n (project, kind, grp, release, size, start, generation, version, counts, sketches)
on conflict do nothing
returning project, kind::text, grp, release, size, start"""


async def read_rows(connection: Connection, keys: Sequence[WindowKey]) -> dict[WindowKey, Row]:
    """Return the rows that exist, whole. Call within a snapshot, or as their only writer."""
    if not keys:
        return {}
    pending = {project: await Pending.of(connection, project) for project in {_project(key) for key in keys}}
    rows = {keys[record["i"] - 1]: row_of(record) for record in await connection.fetch(_READ, *key_columns(keys))}
    return {key: pending[_project(key)].with_sketches(key, row) for key, row in rows.items()}


async def write_rows(
    connection: Connection, rows: Mapping[WindowKey, Row], bases: Mapping[WindowKey, Row],
    appended: Collection[WindowKey],
) -> list[WindowKey]:  # fmt: skip
    """Write each row whose stored version is still its base's and return the keys of the others.

    A base of version ``NEVER`` means that no row is stored. Of ``appended`` rows that are stored the sketches stay.
    """
    known = [key for key in rows if bases[key].at != NEVER]
    fresh = [key for key in rows if bases[key].at == NEVER]
    written: set[WindowKey] = set()
    if known:
        old = zip(*(bases[key].at for key in known), strict=True)
        new = [(rows[key], key not in appended and rows[key].sketches != bases[key].sketches) for key in known]
        records = await connection.fetch(_UPDATE, *key_columns(known), *_values(new), *old)
        written |= {known[record["i"] - 1] for record in records}
    if fresh:
        records = await connection.fetch(_INSERT, *key_columns(fresh), *_values((rows[key], True) for key in fresh))
        written |= {_key_of(record) for record in records}
    return [key for key in rows if key not in written]


def row_of(record: asyncpg.Record) -> Row:
    """Read a row from a record with the four value columns."""
    return Row(
        counts_of(record),
        decode_sketches(record["sketches"]),
        record["generation"],
        record["version"],
    )


def counts_of(record: asyncpg.Record) -> dict[str, int]:
    """Read the counts column of a record."""
    return _decode_counts(record["counts"])


def _key_of(record: asyncpg.Record) -> WindowKey:
    cell = Cell(record["kind"], record["project"], record["grp"], record["release"])
    return WindowKey(cell.key(), record["size"], record["start"])


def _project(key: WindowKey) -> int:
    return int(key.cell.split(":", 2)[1])


def _values(rows: Iterable[tuple[Row, bool]]) -> list[list[Any]]:
    """Return the columns of rows, each with whether its sketches are to be written."""
    columns = [
        (
            row.generation,
            row.version,
            _encode_counts(row.counts).decode(),
            encode_sketches(row.sketches) if has_new else None,
        )
        for row, has_new in rows
    ]
    return [list(column) for column in zip(*columns, strict=True)]
