"""One archive object: blocks as they came, then an index, then a footer.

::

    block bytes ... | index (msgpack) | footer
    footer: magic "FLT1", version u16, zero u16, crc32 of the index u32, length of the index u64 (little-endian)

Blocks are copied, never decompressed nor cut again. The index has a row a block: first and last offset, count of
reports, length, crc32. A block that was cut differently than one before it keeps its bytes; its row says from which
offset on it counts. Rows are disjoint and in order, so that a report is found by bisection.
"""

import struct
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final, NamedTuple

import msgspec

from app.files.names import Span
from app.records import Block
from app.topics import Source

MAGIC: Final = b"FLT1"
VERSION: Final = 1
FOOTER: Final = struct.Struct("<4sHHIQ")
MAX_INDEX: Final = 256 << 20


class TornObject(Exception):
    """An object, or a block of it, is not what was written: cut short, damaged, or not the archive's."""


class Gap(Exception):
    """Offsets between two spans are in neither: the archive would have a hole."""

    def __init__(self, expected: int, found: int) -> None:
        """Take the offset that should have come and the one that did."""
        super().__init__(f"offset {expected} should come next, {found} did")
        self.expected = expected
        self.found = found


class Row(NamedTuple):
    """One block in an object: the offsets that count in it, how many reports it holds, where its bytes are."""

    first: int
    last: int
    reports: int
    start: int
    length: int
    checksum: int


class _Table(msgspec.Struct, frozen=True, array_like=True):
    """The index as it is written; columns, since an object of a quiet source has many small blocks."""

    topic: str
    partition: int
    first: int
    last: int
    firsts: list[int]
    lasts: list[int]
    counts: list[int]
    lengths: list[int]
    checksums: list[int]


_table = msgspec.msgpack.Decoder(_Table)


class Index:
    """What an object holds and where. ``nbytes`` is what it costs to keep."""

    def __init__(self, table: _Table) -> None:
        """Take the columns. Raises TornObject where they contradict each other."""
        columns = (table.firsts, table.lasts, table.counts, table.lengths, table.checksums)
        self.source = Source(table.topic, table.partition)
        self.span = Span(table.first, table.last)
        self._firsts, self._lasts, self._counts, self._lengths, self._checksums = (array("Q", c) for c in columns)
        self._starts = array("Q", accumulate(self._lengths, initial=0))
        if len({len(column) for column in columns}) != 1:
            raise TornObject("the columns of an index differ in length")
        self.nbytes = 48 * len(self._firsts) + 512

    def __len__(self) -> int:
        """Count the blocks."""
        return len(self._firsts)

    def __iter__(self) -> Iterator[Row]:
        """Give the blocks in order."""
        return (self.row(number) for number in range(len(self)))

    @property
    def data_bytes(self) -> int:
        """How many bytes of the object are blocks."""
        return self._starts[-1]

    def row(self, number: int) -> Row:
        """Give a block by its number."""
        return Row(
            self._firsts[number], self._lasts[number], self._counts[number],
            self._starts[number], self._lengths[number], self._checksums[number],
        )  # fmt: skip

    def find(self, offset: int) -> Row | None:
        """Give the block that may hold the report at ``offset``; None where there is none."""
        number = bisect_left(self._lasts, offset)
        return self.row(number) if number < len(self) and self._firsts[number] <= offset else None

    def within(self, first: int, last: int) -> list[Row]:
        """Give the blocks that hold offsets of ``first``..``last``."""
        number = bisect_left(self._lasts, first)
        rows: list[Row] = []
        while number < len(self) and self._firsts[number] <= last:
            rows.append(self.row(number))
            number += 1
        return rows


class Packer:
    """Makes one object of a source from pieces that follow each other; what it already has is trimmed."""

    def __init__(self, source: Source, first: int) -> None:
        """Begin an object whose span begins at ``first``."""
        self._source = source
        self._first = first
        self._last = first - 1
        self._rows: list[tuple[int, int, int, int, int]] = []
        self._data: list[bytes | memoryview] = []

    @property
    def span(self) -> Span:
        """What the object covers so far."""
        return Span(self._first, self._last)

    def add(self, span: Span, blocks: Iterable[Block]) -> None:
        """Append a batch's blocks. Raises Gap where the span does not reach back to the last one."""
        rows = ((block.first, block.last, block.count, zlib.crc32(block.data), block.data) for block in blocks)
        self._append(span, rows)

    def add_object(self, index: Index, data: memoryview) -> None:
        """Append another object's blocks. Raises Gap, and TornObject for a block that fails its checksum."""
        parts = ((row, data[row.start : row.start + row.length]) for row in index)
        self._append(index.span, ((row.first, row.last, row.reports, checked(row, part), part) for row, part in parts))

    def finish(self) -> bytes:
        """Give the object's bytes. Raises ValueError for an empty span."""
        if self._last < self._first:
            raise ValueError("an object without a span")
        columns = ([row[column] for row in self._rows] for column in range(5))
        table = msgspec.msgpack.encode(_Table(*self._source, self._first, self._last, *columns))
        footer = FOOTER.pack(MAGIC, VERSION, 0, zlib.crc32(table), len(table))
        return b"".join((*self._data, table, footer))

    def _append(self, span: Span, rows: Iterable[tuple[int, int, int, int, bytes | memoryview]]) -> None:
        if span.first > self._last + 1:
            raise Gap(self._last + 1, span.first)
        covered = self._last
        for first, last, count, checksum, data in rows:
            if last > covered:
                self._rows.append((max(first, covered + 1), last, count, len(data), checksum))
                self._data.append(data)
        self._last = max(self._last, span.last)


def checked(row: Row, data: bytes | memoryview) -> int:
    """Give a block's checksum. Raises TornObject where it is not the one in the index."""
    checksum = zlib.crc32(data)
    if len(data) != row.length or checksum != row.checksum:
        raise TornObject(f"the block of {row.first}..{row.last} fails its checksum")
    return checksum


def index_length(footer: bytes) -> int:
    """Give the bytes of the index before an object's last ``FOOTER.size`` bytes. Raises TornObject."""
    if len(footer) != FOOTER.size:
        raise TornObject("too short for a footer")
    magic, version, _, _, length = FOOTER.unpack(footer)
    if magic != MAGIC or version != VERSION or length > MAX_INDEX:
        raise TornObject(f"no archive object of version {VERSION}")
    return int(length)


def read_index(end: bytes | memoryview) -> Index:
    """Read the index from an object's end, or the whole object. Raises TornObject."""
    footer = bytes(end[-FOOTER.size :])
    length = index_length(footer)
    table = end[len(end) - FOOTER.size - length : len(end) - FOOTER.size] if length <= len(end) - FOOTER.size else b""
    if zlib.crc32(table) != FOOTER.unpack(footer)[3]:
        raise TornObject("the index fails its checksum")
    try:
        return Index(_table.decode(table))
    except (msgspec.DecodeError, OverflowError, ValueError) as error:
        raise TornObject("the index cannot be read") from error
