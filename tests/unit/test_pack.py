"""The format of archive objects: reports come back whatever the cut of batches, and damage is detected."""

import zlib

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from app.files.names import OffsetSpan, name_of, parse_name, prefix_of, without_contained
from app.files.objects import unpack
from app.files.pack import FOOTER, Index, OffsetGap, Packer, TornObject, read_index
from app.model import Facts
from app.records import Block, Stored, encode_stored
from app.topics import Source

SOURCE = Source("1.crashes", 3)


def stored(offset: int) -> Stored:
    facts = Facts(project=1, kind="sentry", category="error", event_id=f"{offset:032x}", received=1000 + offset)
    return Stored(offset, facts, b'{"n": %d}' % offset * (offset % 7 + 1))


def block(offsets: list[int]) -> Block:
    data = zstandard.ZstdCompressor(level=3).compress(encode_stored([stored(offset) for offset in offsets]))
    return Block(offsets[0], offsets[-1], len(offsets), data)


def blocks_of(first: int, last: int, step: int) -> list[Block]:
    """Cut a span as an agent does; every fifth offset is a duplicate and has no report."""
    offsets = [offset for offset in range(first, last + 1) if offset % 5]
    return [block(offsets[at : at + step]) for at in range(0, len(offsets), step)]


def reports_of(data: bytes) -> list[Stored]:
    index = read_index(data)
    return [report for block in index for report in unpack(block, data[block.start : block.start + block.length])]


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 6), st.integers(1, 4)), min_size=1, max_size=12))
def test_each_report_comes_back_once_however_batches_were_cut(cuts: list[tuple[int, int, int]]) -> None:
    packer, end = Packer(SOURCE, 100), 99
    for length, back, step in cuts:
        first = max(100, end + 1 - back)
        packer.add(OffsetSpan(first, first + length - 1), blocks_of(first, first + length - 1, step))
        end = max(end, first + length - 1)
    expected = [stored(offset) for offset in range(100, end + 1) if offset % 5]
    data = packer.finish()
    index = read_index(data)
    assert (index.source, index.span) == (SOURCE, OffsetSpan(100, end))
    assert reports_of(data) == expected
    for report in expected:
        entry = index.find(report.offset)
        assert entry is not None
        assert report in unpack(entry, data[entry.start : entry.start + entry.length])


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 6)), min_size=2, max_size=8))
def test_merged_objects_have_the_reports_of_their_parts(cuts: list[tuple[int, int]]) -> None:
    objects, end = list[bytes](), -1
    for length, back in cuts:
        first = max(0, end + 1 - back)
        packer = Packer(SOURCE, first)
        packer.add(OffsetSpan(first, first + length - 1), blocks_of(first, first + length - 1, 2))
        objects.append(packer.finish())
        end = max(end, first + length - 1)
    merged = Packer(SOURCE, 0)
    for data in objects:
        merged.add_object(read_index(data), memoryview(data))
    assert reports_of(merged.finish()) == [stored(offset) for offset in range(end + 1) if offset % 5]


def test_blocks_are_copied_unchanged() -> None:
    blocks = blocks_of(0, 40, 7)
    packer = Packer(SOURCE, 0)
    packer.add(OffsetSpan(0, 40), blocks)
    assert packer.finish().startswith(b"".join(block.data for block in blocks))


def test_a_batch_without_reports_still_moves_the_span() -> None:
    packer = Packer(SOURCE, 5)
    packer.add(OffsetSpan(5, 5), [])
    index = read_index(packer.finish())
    assert (index.span, len(index), index.find(5)) == (OffsetSpan(5, 5), 0, None)


def test_a_gap_is_refused() -> None:
    packer = Packer(SOURCE, 0)
    packer.add(OffsetSpan(0, 3), [])
    with pytest.raises(OffsetGap, match="expected offset 4, received 5; 4-4 are missing"):
        packer.add(OffsetSpan(5, 6), [])


def test_an_empty_object_is_refused() -> None:
    with pytest.raises(ValueError, match="received none"):
        Packer(SOURCE, 0).finish()


def test_an_object_that_is_truncated_anywhere_is_torn() -> None:
    packer = Packer(SOURCE, 0)
    packer.add(OffsetSpan(0, 9), blocks_of(0, 9, 3))
    data = packer.finish()
    for end in range(len(data)):
        with pytest.raises(TornObject):
            read_index(data[:end])


def test_a_flipped_bit_is_found_by_a_checksum() -> None:
    packer = Packer(SOURCE, 0)
    packer.add(OffsetSpan(0, 9), blocks_of(0, 9, 3))
    whole = packer.finish()
    for at in range(len(whole)):
        data = bytearray(whole)
        data[at] ^= 0x10
        if len(whole) - FOOTER.size + 6 <= at < len(whole) - FOOTER.size + 8:
            continue  # the two unused bytes of the footer
        with pytest.raises(TornObject):
            reports_of(bytes(data))


def test_an_index_of_unequal_columns_is_torn() -> None:
    table = msgspec.msgpack.encode(["1.crashes", 0, 0, 1, [0], [1], [1], [], [7]])
    data = table + FOOTER.pack(b"FLT1", 1, 0, zlib.crc32(table), len(table))
    with pytest.raises(TornObject, match="differ in length"):
        read_index(data)


def test_ranges_of_an_index() -> None:
    packer = Packer(SOURCE, 0)
    packer.add(OffsetSpan(0, 20), blocks_of(0, 20, 4))
    index: Index = read_index(packer.finish())
    assert [(entry.first, entry.last) for entry in index.within(4, 9)] == [(1, 4), (6, 9)]
    assert index.within(21, 30) == []
    assert index.find(5) is None


@given(st.integers(0, 99), st.integers(0, 2**62), st.integers(0, 2**62))
def test_names_hold_source_and_span(partition: int, first: int, length: int) -> None:
    source, span = Source("12.dead-letters", partition), OffsetSpan(first, min(first + length, 2**63 - 1))
    name = name_of(source, span)
    assert name.startswith(prefix_of(source))
    assert parse_name(name) == (source, span)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "notes.txt",
        "1.crashes/0003/0000000000000000009-0000000000000000001.flt",
        "1.crashes/00003/0000000000000000001-0000000000000000009.flt",
        "crashes/0003/0000000000000000001-0000000000000000009.flt",
        "1.crashes/0003/0000000000000000001-0000000000000000009.flt.bak",
    ],
)
def test_foreign_names_are_not_parsed(name: str) -> None:
    assert parse_name(name) is None


def test_contained_spans_are_left_out() -> None:
    spans = [
        OffsetSpan(5, 9),
        OffsetSpan(0, 9),
        OffsetSpan(0, 4),
        OffsetSpan(8, 14),
        OffsetSpan(10, 12),
        OffsetSpan(20, 22),
    ]
    assert without_contained(spans) == [OffsetSpan(0, 9), OffsetSpan(8, 14), OffsetSpan(20, 22)]
