"""Users of large windows, between the transaction that counted them and the one that puts them into their sketches.

A sketch of many users is up to 12 KiB. Rows of projects, releases and environments gain a user with nearly every event,
and there are a dozen such rows. So a flush only appends the hashes that are new, and some flushes later they are folded
into the rows. A sketch and its hashes are sets: whoever unites both has the number, however often a hash is in either.

Rows of groups are written whole: their users are few, or the same ones.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from app.cells import Cell, CellKind
from app.stores.aggregates.ranges import WindowRange
from tables import sketch
from tables.windows import LATENCY, Row, WindowKey, decode_sketches, encode_sketches

if TYPE_CHECKING:
    from app.postgres import Connection

LEAST_BYTES: Final = 256
"""Sketches of a row that are shorter are written with it: that is less than appending."""

_ADD: Final = "insert into window_hashes (partition, projects, data) values ($1, $2, $3)"
_OF_PROJECT: Final = "select data from window_hashes where $1 = any(projects)"
_OF_PARTITION: Final = "select id, data from window_hashes where partition = $1"
_DELETE: Final = "delete from window_hashes where id = any($1::bigint[])"

_COLUMNS: Final = """
unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::int[], $6::bigint[]) with ordinality
  n (project, kind, grp, release, size, start, i)"""
_SKETCHES: Final = f"""
select n.i, w.sketches from {_COLUMNS}
join windows w on w.project = n.project and w.kind = n.kind::"char" and w.grp = n.grp and w.release = n.release
  and w.size = n.size and w.start = n.start"""  # noqa: S608  constants of this module
_FOLD: Final = """
update windows w set sketches = n.sketches
from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::int[], $6::bigint[], $7::bytea[])
  n (project, kind, grp, release, size, start, sketches)
where w.project = n.project and w.kind = n.kind::"char" and w.grp = n.grp and w.release = n.release
  and w.size = n.size and w.start = n.start"""


class Added(NamedTuple):
    """Hashes that some windows of a cell gained, for one sketch; they are a sketch by themselves."""

    name: str
    hashes: bytes
    windows: list[tuple[int, int]]
    """(size, start) in seconds."""


Gained = dict[str, list[tuple[int, Row]]]
"""By release: start of a window (s), and a row of sketches alone."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, list[Added]]).decode


def is_appended(key: WindowKey, base: Row) -> bool:
    """Return whether what a row's sketches gain is appended, by the row before; else it is written with the row."""
    kind, _, group, _ = key.cell.split(":", 3)
    large = sum(map(len, base.sketches.values())) >= LEAST_BYTES
    return large and (kind == "e" or (kind == "c" and not group)) and LATENCY not in base.sketches


async def append(connection: "Connection", partition: int, gained: Mapping[WindowKey, Mapping[str, set[int]]]) -> int:
    """Append what rows of one partition of ``deltas`` gained, by sketch; return the bytes."""
    if not gained:
        return 0
    together: dict[tuple[str, str, bytes], list[tuple[int, int]]] = defaultdict(list)
    for key, of_row in gained.items():
        for name, hashes in of_row.items():
            together[key.cell, name, sketch.add(sketch.EMPTY, hashes)].append((key.size, key.start))
    cells: dict[str, list[Added]] = defaultdict(list)
    for (cell, name, packed), windows in together.items():
        cells[cell].append(Added(name, packed, windows))
    data, projects = _encode(cells), sorted({Cell.parse(cell).project for cell in cells})
    await connection.execute(_ADD, partition, projects, data)
    return len(data)


async def fold(connection: "Connection", partition: int) -> None:
    """Put the hashes of a partition of ``deltas`` into their rows' sketches; within its owner's transaction."""
    records = await connection.fetch(_OF_PARTITION, partition)
    gained = _by_row(record["data"] for record in records)
    if not records:
        return
    keys, new = list(gained), list[bytes | None]()
    stored = {record["i"] - 1: record["sketches"] for record in await connection.fetch(_SKETCHES, *key_columns(keys))}
    found = [at for at in range(len(keys)) if at in stored]  # of a window that was deleted since nothing is kept
    for at in found:
        sketches = decode_sketches(stored[at])
        for name, parts in gained[keys[at]].items():
            sketches[name] = sketch.union([sketches.get(name, sketch.EMPTY), *parts])
        new.append(encode_sketches(sketches))
    await connection.execute(_FOLD, *key_columns([keys[at] for at in found]), new)
    await connection.execute(_DELETE, [record["id"] for record in records])


class Pending:
    """The hashes of one project that are in no sketch yet, unpacked where they are asked for."""

    def __init__(self, datas: Iterable[bytes]) -> None:
        self._cells = _by_cell(datas)

    @classmethod
    async def of(cls, connection: "Connection", project: int) -> "Pending":
        """Read them; before the rows, or within one snapshot: in between they may move from here to there."""
        return cls(record["data"] for record in await connection.fetch(_OF_PROJECT, project))

    def with_sketches(self, key: WindowKey, row: Row) -> Row:
        """Return a row with what its sketches lack."""
        gained: dict[str, list[bytes]] = defaultdict(list)
        for name, packed, windows in self._cells.get(key.cell, ()):
            if (key.size, key.start) in windows:
                gained[name].append(packed)
        if not gained:
            return row
        more = {name: sketch.union([row.sketches.get(name, sketch.EMPTY), *parts]) for name, parts in gained.items()}
        return msgspec.structs.replace(row, sketches=row.sketches | more)

    def within(self, kind: CellKind, group: str, windows: Sequence[WindowRange]) -> Gained:
        """Return what the windows of cells in these ranges gained."""
        found: Gained = {}
        for text, added in self._cells.items():
            cell = Cell.parse(text)
            if (cell.kind, cell.group) == (kind, group):
                places = {place for one in added for place in one.windows if _holds(windows, *place)}
                found[cell.release] = [
                    (start, self.with_sketches(WindowKey(text, size, start), Row())) for size, start in sorted(places)
                ]
        return found


def _holds(windows: Sequence[WindowRange], size: int, start: int) -> bool:
    return any(span.size == size and span.start <= start < span.end for span in windows)


def key_columns(keys: Sequence[WindowKey]) -> list[list[Any]]:
    """Return the columns that name rows, one array each."""
    cells = [Cell.parse(key.cell) for key in keys]
    return [
        [cell.project for cell in cells],
        [cell.kind for cell in cells],
        [cell.group for cell in cells],
        [cell.release for cell in cells],
        [key.size for key in keys],
        [key.start for key in keys],
    ]


def _by_cell(datas: Iterable[bytes]) -> dict[str, list[Added]]:
    cells: dict[str, list[Added]] = defaultdict(list)
    for data in datas:
        for cell, added in _decode(data).items():
            cells[cell] += added
    return cells


def _by_row(datas: Iterable[bytes]) -> dict[WindowKey, dict[str, list[bytes]]]:
    rows: dict[WindowKey, dict[str, list[bytes]]] = defaultdict(lambda: defaultdict(list))
    for cell, added in _by_cell(datas).items():
        for name, packed, windows in added:
            for size, start in windows:
                rows[WindowKey(cell, size, start)][name].append(packed)
    return rows
