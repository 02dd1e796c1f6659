"""The format of an archive object: blocks as the agents made them, then an index, then a footer.

::

    block bytes ... | index (msgpack) | footer
    footer: magic "FLT1", version u16, zero u16, crc32 of the index u32, length of the index u64 (little-endian)

Blocks are copied, never decompressed nor cut again. The index has an entry a block: first and last offset, count of
reports, length, crc32. A block that overlaps the one before it, because a redelivery was cut differently, keeps its
bytes; its entry holds the first offset that counts. Entries are disjoint and in order, so that a report is found by
bisection.
"""

import struct
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final, NamedTuple

import msgspec

from app.files.names import OffsetSpan
from app.records import Block
from app.topics import Source

MAGIC: Final = b"FLT1"
VERSION: Final = 1
FOOTER: Final = struct.Struct("<4sHHIQ")
MAX_INDEX: Final = 256 << 20
"""Bytes of an index; a greater length in a footer is damage, and must not be allocated."""


class TornObject(Exception):
    """An object, or a block of it, is not what was written: truncated, damaged, or not the archive's."""


class OffsetGap(Exception):
    """Offsets between two spans are in neither of them."""

    def __init__(self, expected: int, received: int) -> None:
        super().__init__(f"expected offset {expected}, received {received}; {expected}-{received - 1} are missing")
        self.expected = expected
        self.received = received


class BlockEntry(NamedTuple):
    """One block in an object's index: the offsets that count in it, its reports, where its bytes are, their crc32."""

    first: int
    last: int
    reports: int
    start: int
    length: int
    checksum: int


class _Table(msgspec.Struct, frozen=True, array_like=True):
    """The index as it is written: in columns, which are compact where an object has many small blocks."""

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
    """The index of an object; ``nbytes`` is its size in memory. Raises TornObject for columns that differ in length."""

    def __init__(self, table: _Table) -> None:
        columns = (table.firsts, table.lasts, table.counts, table.lengths, table.checksums)
        self.source = Source(table.topic, table.partition)
        self.span = OffsetSpan(table.first, table.last)
        self._firsts, self._lasts, self._counts, self._lengths, self._checksums = (array("Q", c) for c in columns)
        self._starts = array("Q", accumulate(self._lengths, initial=0))
        if len({len(column) for column in columns}) != 1:
            raise TornObject(f"the columns of an index differ in length: {[len(column) for column in columns]}")
        self.nbytes = 48 * len(self._firsts) + 512  # six columns of 8 bytes, and the objects around them

    def __len__(self) -> int:
        """Return the number of blocks."""
        return len(self._firsts)

    def __iter__(self) -> Iterator[BlockEntry]:
        """Return the entries in order."""
        return (self.entry(number) for number in range(len(self)))

    @property
    def data_bytes(self) -> int:
        """Bytes of the object that are blocks."""
        return self._starts[-1]

    def entry(self, number: int) -> BlockEntry:
        """Return the entry of a block by its number, from 0."""
        return BlockEntry(
            first=self._firsts[number],
            last=self._lasts[number],
            reports=self._counts[number],
            start=self._starts[number],
            length=self._lengths[number],
            checksum=self._checksums[number],
        )

    def find(self, offset: int) -> BlockEntry | None:
        """Return the entry of the block that may hold the report at ``offset``, None where there is none."""
        number = bisect_left(self._lasts, offset)
        return self.entry(number) if number < len(self) and self._firsts[number] <= offset else None

    def within(self, first: int, last: int) -> list[BlockEntry]:
        """Return the entries of the blocks that hold any of the offsets ``first``..``last``."""
        number = bisect_left(self._lasts, first)
        entries: list[BlockEntry] = []
        while number < len(self) and self._firsts[number] <= last:
            entries.append(self.entry(number))
            number += 1
        return entries


class Packer:
    """Packs consecutive batches of a source into one object that begins at offset ``first``.

    Offsets that it already has are trimmed from what is added.
    """

    def __init__(self, source: Source, first: int) -> None:
        self._source = source
        self._first = first
        self._last = first - 1
        self._rows: list[tuple[int, int, int, int, int]] = []
        self._data: list[bytes | memoryview] = []

    @property
    def span(self) -> OffsetSpan:
        """The offsets that the object covers so far."""
        return OffsetSpan(self._first, self._last)

    def add(self, span: OffsetSpan, blocks: Iterable[Block]) -> None:
        """Append a batch's blocks. Raises OffsetGap where the span begins beyond the next offset."""
        rows = ((block.first, block.last, block.count, zlib.crc32(block.data), block.data) for block in blocks)
        self._append(span, rows)

    def add_object(self, index: Index, data: memoryview) -> None:
        """Append another object's blocks. Raises OffsetGap, and TornObject for a block that fails its checksum."""
        parts = ((block, data[block.start : block.start + block.length]) for block in index)
        self._append(
            index.span,
            ((block.first, block.last, block.reports, verified_checksum(block, part), part) for block, part in parts),
        )

    def finish(self) -> bytes:
        """Return the object's bytes. Raises ValueError for an empty span."""
        if self._last < self._first:
            raise ValueError(f"expected offsets from {self._first} on, received none")
        firsts, lasts, counts, lengths, checksums = ([row[column] for row in self._rows] for column in range(5))
        table = msgspec.msgpack.encode(
            _Table(
                topic=self._source.topic,
                partition=self._source.partition,
                first=self._first,
                last=self._last,
                firsts=firsts,
                lasts=lasts,
                counts=counts,
                lengths=lengths,
                checksums=checksums,
            )
        )
        footer = FOOTER.pack(MAGIC, VERSION, 0, zlib.crc32(table), len(table))
        return b"".join((*self._data, table, footer))

    def _append(self, span: OffsetSpan, rows: Iterable[tuple[int, int, int, int, bytes | memoryview]]) -> None:
        if span.first > self._last + 1:
            raise OffsetGap(self._last + 1, span.first)
        covered = self._last
        for first, last, count, checksum, data in rows:
            if last > covered:
                self._rows.append((max(first, covered + 1), last, count, len(data), checksum))
                self._data.append(data)
        self._last = max(self._last, span.last)


def verified_checksum(block: BlockEntry, data: bytes | memoryview) -> int:
    """Return the checksum of a block's bytes. Raises TornObject where it is not the one in the index."""
    checksum = zlib.crc32(data)
    if len(data) != block.length or checksum != block.checksum:
        raise TornObject(
            f"block {block.first}..{block.last}: expected {block.length} bytes with crc32 {block.checksum:08x}, "
            f"received {len(data)} with {checksum:08x}"
        )
    return checksum


def index_length(footer: bytes) -> int:
    """Return the bytes of the index before the footer, an object's last ``FOOTER.size`` bytes. Raises TornObject."""
    if len(footer) != FOOTER.size:
        raise TornObject(f"expected a footer of {FOOTER.size} bytes, received {len(footer)}")
    magic, version, _, _, length = FOOTER.unpack(footer)
    if magic != MAGIC or version != VERSION or length > MAX_INDEX:
        raise TornObject(
            f"expected an archive object of version {VERSION}, received magic {magic!r}, version {version}"
        )
    return int(length)


def read_index(end: bytes | memoryview) -> Index:
    """Return the index in an object's last bytes, or in the whole object. Raises TornObject."""
    footer = bytes(end[-FOOTER.size :])
    length = index_length(footer)
    table = end[len(end) - FOOTER.size - length : len(end) - FOOTER.size] if length <= len(end) - FOOTER.size else b""
    if zlib.crc32(table) != FOOTER.unpack(footer)[3]:
        raise TornObject("the index fails its checksum")
    try:
        return Index(_table.decode(table))
    except (msgspec.DecodeError, OverflowError, ValueError) as error:
        raise TornObject("the index cannot be read") from error
