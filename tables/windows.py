"""The row of one cell in one window: how entries change it, and its bytes in the ``windows`` table.

The key starts with the time at which the row expires, so that expired rows sort first. The value starts with the row's
version, so that the newer of two is known without decoding the rest.

``rates`` has short rows: a sketch of many users is up to 12 KiB, and would be written with each of them. A short row
tells live views how many there are. Whoever computes from one reads the whole row from PostgreSQL first.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from app.cells import LATENESS, SKEW, Cell
from app.records import Entry, check_schema
from app.topics import DELTAS, RATES
from tables import latency, sketch
from tables.spec import Read, TableSpec, Write

SCHEMA: Final = 2
"""Of the rows in ``rates`` and in the table: 1 is a whole row, 2 a short one. Before there was 2, ``rates`` had 1."""

LATENCY: Final = "ms"
"""The sketch of durations; its entries are buckets, not user hashes."""

_KEY: Final = struct.Struct(">QI")
_HEAD: Final = struct.Struct(">BIq")
_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.Decoder(tuple[dict[str, int], dict[str, bytes]]).decode
_decode_short = msgspec.msgpack.Decoder(tuple[dict[str, int], dict[str, int]]).decode
_WHOLE: Final = 1
_SHORT: Final = 2
_decode_sketches = msgspec.msgpack.Decoder(dict[str, bytes]).decode


class WindowKey(NamedTuple):
    """One row: the cell's key, the window's size and start in seconds."""

    cell: str
    size: int
    start: int

    @property
    def expires(self) -> int:
        """The watermark (s) from which on no entry that is on time can arrive."""
        return self.start + self.size + LATENESS[self.size] + SKEW


class Version(NamedTuple):
    """The last delta that a row counted: generation of the topic, offset in the cell's partition."""

    generation: int
    offset: int


NEVER: Final = Version(0, -1)
"""The version of a row that was never written."""


class Row(msgspec.Struct, frozen=True):
    """Counts by metric, sketches (``tables.sketch``, ``tables.latency``) by name, and the version up to which.

    A short row has ``distinct`` instead of sketches: the number of distinct hashes by the sketch's name.
    """

    counts: dict[str, int] = {}
    sketches: dict[str, bytes] = {}
    generation: int = NEVER.generation
    version: int = NEVER.offset
    distinct: dict[str, int] | None = None

    @property
    def at(self) -> Version:
        """The row's version."""
        return Version(self.generation, self.version)

    def unique(self, name: str) -> int:
        """Return the number of distinct hashes in a sketch, 0 without the sketch."""
        if self.distinct is not None:
            return self.distinct.get(name, 0)
        return sketch.estimate(self.sketches.get(name, sketch.EMPTY))


class RowChange(NamedTuple):
    """The sums of one delta's entries for one row."""

    at: Version
    counts: dict[str, int]
    hashes: dict[str, list[int]]


def change_of(at: Version, entries: Iterable[Entry]) -> RowChange:
    """Sum the entries of one delta that fall into one row."""
    counts: dict[str, int] = {}
    hashes: dict[str, list[int]] = {}
    for entry in entries:
        for name, number in entry.counts.items():
            counts[name] = counts.get(name, 0) + number
        for name, value in entry.users.items():
            hashes.setdefault(name, []).append(value)
    return RowChange(at, counts, hashes)


def apply(row: Row, changes: Sequence[RowChange]) -> Row:
    """Return the row with the changes after its version, in order; the same object where there are none."""
    fresh = [change for change in changes if change.at > row.at]
    if not fresh:
        return row
    counts = dict(row.counts)
    hashes: dict[str, list[int]] = {}
    for change in fresh:
        for name, number in change.counts.items():
            counts[name] = counts.get(name, 0) + number
        for name, values in change.hashes.items():
            hashes.setdefault(name, []).extend(values)
    sketches = dict(row.sketches)
    for name, values in hashes.items():
        add = latency.add if name == LATENCY else sketch.add
        sketches[name] = add(sketches.get(name, sketch.EMPTY), values)
    return Row(counts, sketches, *fresh[-1].at)


def united(rows: Iterable[tuple[Mapping[str, int], Mapping[str, bytes]]]) -> Row:
    """Return the sum of several rows, as for merged groups or a long range; it has no version."""
    counts: dict[str, int] = {}
    sketches: dict[str, list[bytes]] = {}
    for row_counts, row_sketches in rows:
        for name, number in row_counts.items():
            counts[name] = counts.get(name, 0) + number
        for name, data in row_sketches.items():
            sketches.setdefault(name, []).append(data)
    return Row(counts, {name: _union(name, parts) for name, parts in sketches.items()})


def _union(name: str, parts: Iterable[bytes]) -> bytes:
    return latency.union(parts) if name == LATENCY else sketch.union(parts)


def encode_sketches(sketches: Mapping[str, bytes]) -> bytes | None:
    """Return the sketches of a row as stored in PostgreSQL, None for none."""
    return _encode(sketches) if sketches else None


def decode_sketches(data: bytes | None) -> dict[str, bytes]:
    """Decode a result of ``encode_sketches``."""
    return _decode_sketches(data) if data else {}


def encode_key(key: WindowKey) -> bytes:
    """Return the key in the ``windows`` table and in ``rates``."""
    return _KEY.pack(key.expires, key.size) + key.cell.encode()


def decode_key(data: bytes) -> WindowKey:
    """Decode a result of ``encode_key``."""
    expires, size = _KEY.unpack_from(data)
    return WindowKey(data[_KEY.size :].decode(), size, expires - size - LATENESS[size] - SKEW)


def encode_row(row: Row) -> bytes:
    """Return the value of a whole row in the table; equal rows give equal bytes."""
    return _HEAD.pack(_WHOLE, row.generation, row.version) + _encode((row.counts, row.sketches))


def encode_short(row: Row) -> bytes:
    """Return the value in ``rates`` of a whole row."""
    distinct = {name: row.unique(name) for name in row.sketches if name != LATENCY}
    return _HEAD.pack(_SHORT, row.generation, row.version) + _encode((row.counts, distinct))


def weight(value: bytes) -> int:
    """Return the bytes of a whole row; of a short one, about those that its whole row has. Raises UnknownSchema."""
    distinct = decode_value(value).distinct if value[0] == _SHORT else None
    return len(value) + sum(map(sketch.size_of, (distinct or {}).values()))


def decode_value(data: bytes) -> Row:
    """Decode a whole or a short row. Raises UnknownSchema."""
    at, body = version_of(data), memoryview(data)[_HEAD.size :]
    if data[0] == _SHORT:
        counts, distinct = _decode_short(body)
        return Row(counts, {}, *at, distinct)
    counts, sketches = _decode(body)
    return Row(counts, sketches, *at)


def decode_row(key: bytes, value: bytes) -> tuple[Cell, int, int, Row]:
    """Decode a record of ``rates``: cell, window size and start (s), row. Raises UnknownSchema."""
    where = decode_key(key)
    return Cell.parse(where.cell), where.size, where.start, decode_value(value)


def version_of(value: bytes) -> Version:
    """Decode a value's version alone. Raises UnknownSchema."""
    schema, generation, offset = _HEAD.unpack_from(value)
    check_schema("window rows", schema, SCHEMA)
    return Version(generation, offset)


def newest(read: Read, key: bytes, value: bytes | None) -> Iterator[Write]:
    """Yield the local writes of a record of ``rates``: the greatest version wins, whichever came last.

    A deletion always applies: only expired rows are deleted, and no entry that is on time changes those.
    """
    known = read(key)
    if value is None or known is None or version_of(value) >= version_of(known):
        yield key, value


TABLE: Final = TableSpec("windows", DELTAS, RATES, newest)


def expired(rows: Iterable[tuple[bytes, bytes]], watermark: int, limit: int) -> list[bytes]:
    """Return at most ``limit`` keys of rows that expire at this watermark (ms), from rows in key order."""
    keys: list[bytes] = []
    for key, _ in rows:
        if len(keys) == limit or _KEY.unpack_from(key)[0] * 1000 > watermark:
            break
        keys.append(key)
    return keys
