"""What is kept of one cell in one window, how entries change it, and its bytes in the ``windows`` table.

The key starts with the time at which the row leaves the table, so that what has expired stands first. The value starts
with the row's version, so that the newer of two can be told without reading the rest.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from app.cells import LATENESS, SKEW, Cell
from app.records import SCHEMA, Entry, UnknownSchema
from tables import latency, sketch

LATENCY: Final = "ms"
"""The sketch of durations; its entries are buckets, not user hashes."""

_KEY: Final = struct.Struct(">QI")
_HEAD: Final = struct.Struct(">BIq")
_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.Decoder(tuple[dict[str, int], dict[str, bytes]]).decode
_decode_sketches = msgspec.msgpack.Decoder(dict[str, bytes]).decode


class WindowKey(NamedTuple):
    """One row: the cell's key, the window's size and start in seconds."""

    cell: str
    size: int
    start: int

    @property
    def expires(self) -> int:
        """The second of the watermark from which on no entry that was on time can come."""
        return self.start + self.size + LATENESS[self.size] + SKEW


class Version(NamedTuple):
    """Which entry of ``deltas`` a row counted last: generation of the topic, offset in the cell's partition."""

    generation: int
    offset: int


NEVER: Final = Version(0, -1)
"""The version of a row that was never written."""


class Row(msgspec.Struct, frozen=True):
    """Counts by metric, sketches (``tables.sketch``, ``tables.latency``) by name, and the version: what is in them."""

    counts: dict[str, int] = {}
    sketches: dict[str, bytes] = {}
    generation: int = NEVER.generation
    version: int = NEVER.offset

    @property
    def at(self) -> Version:
        """The row's version."""
        return Version(self.generation, self.version)

    def unique(self, name: str) -> int:
        """Return the number of distinct hashes in a sketch, 0 where there is none."""
        return sketch.estimate(self.sketches.get(name, sketch.EMPTY))


class Change(NamedTuple):
    """What one delta adds to one row."""

    at: Version
    counts: dict[str, int]
    hashes: dict[str, list[int]]


def change(at: Version, entries: Iterable[Entry]) -> Change:
    """Sum the entries of one delta that fall into one row."""
    counts: dict[str, int] = {}
    hashes: dict[str, list[int]] = {}
    for entry in entries:
        for name, number in entry.counts.items():
            counts[name] = counts.get(name, 0) + number
        for name, value in entry.users.items():
            hashes.setdefault(name, []).append(value)
    return Change(at, counts, hashes)


def apply(row: Row, changes: Sequence[Change]) -> Row:
    """Add the changes that came after the row's version, in order; the row itself where none did."""
    fresh = [change for change in changes if change.at > row.at]
    if not fresh:
        return row
    counts = dict(row.counts)
    hashes: dict[str, list[int]] = {}
    for each in fresh:
        for name, number in each.counts.items():
            counts[name] = counts.get(name, 0) + number
        for name, values in each.hashes.items():
            hashes.setdefault(name, []).extend(values)
    sketches = dict(row.sketches)
    for name, values in hashes.items():
        add = latency.add if name == LATENCY else sketch.add
        sketches[name] = add(sketches.get(name, sketch.EMPTY), values)
    return Row(counts, sketches, *fresh[-1].at)


def united(rows: Iterable[tuple[Mapping[str, int], Mapping[str, bytes]]]) -> Row:
    """Sum counts and unite sketches of several rows, as for merged groups or a long range; it has no version."""
    counts: dict[str, int] = {}
    sketches: dict[str, list[bytes]] = {}
    for some_counts, some_sketches in rows:
        for name, number in some_counts.items():
            counts[name] = counts.get(name, 0) + number
        for name, data in some_sketches.items():
            sketches.setdefault(name, []).append(data)
    return Row(counts, {name: _union(name, parts) for name, parts in sketches.items()})


def _union(name: str, parts: Iterable[bytes]) -> bytes:
    return latency.union(parts) if name == LATENCY else sketch.union(parts)


def encode_sketches(sketches: Mapping[str, bytes]) -> bytes | None:
    """Return the sketches of a row as PostgreSQL keeps them, None for none."""
    return _encode(sketches) if sketches else None


def decode_sketches(data: bytes | None) -> dict[str, bytes]:
    """Read ``encode_sketches`` back."""
    return _decode_sketches(data) if data else {}


def encode_key(key: WindowKey) -> bytes:
    """Return the key of the ``windows`` table and of ``rates``."""
    return _KEY.pack(key.expires, key.size) + key.cell.encode()


def decode_key(data: bytes) -> WindowKey:
    """Read ``encode_key`` back."""
    expires, size = _KEY.unpack_from(data)
    return WindowKey(data[_KEY.size :].decode(), size, expires - size - LATENESS[size] - SKEW)


def encode_row(row: Row) -> bytes:
    """Return the value of the ``windows`` table and of ``rates``; equal rows give equal bytes."""
    return _HEAD.pack(SCHEMA, row.generation, row.version) + _encode((row.counts, row.sketches))


def decode_value(data: bytes) -> Row:
    """Read ``encode_row`` back. Raises UnknownSchema."""
    at = version_of(data)
    counts, sketches = _decode(memoryview(data)[_HEAD.size :])
    return Row(counts, sketches, *at)


def decode_row(key: bytes, value: bytes) -> tuple[Cell, int, int, Row]:
    """Read a record of ``rates``: cell, window size and start (s), row. Raises UnknownSchema."""
    where = decode_key(key)
    return Cell.parse(where.cell), where.size, where.start, decode_value(value)


def version_of(value: bytes) -> Version:
    """Read a value's version alone. Raises UnknownSchema."""
    schema, generation, offset = _HEAD.unpack_from(value)
    if schema != SCHEMA:
        raise UnknownSchema(f"a window row of schema {schema}; this version knows {SCHEMA}: upgrade the worker first")
    return Version(generation, offset)


def newest(
    read: Callable[[bytes], bytes | None], key: bytes, value: bytes | None
) -> Iterator[tuple[bytes, bytes | None]]:
    """Say what a record of ``rates`` changes in the local table: the greatest version wins, whatever came last.

    A deletion is only ever of an expired row, which nothing on time can change, so it always holds.
    """
    known = read(key)
    if value is None or known is None or version_of(value) >= version_of(known):
        yield key, value


def expired(rows: Iterable[tuple[bytes, bytes]], watermark: int, limit: int) -> list[bytes]:
    """Return at most ``limit`` keys of rows that leave the table at this watermark (ms), from rows in key order."""
    keys: list[bytes] = []
    for key, _ in rows:
        if len(keys) == limit or _KEY.unpack_from(key)[0] * 1000 > watermark:
            break
        keys.append(key)
    return keys
