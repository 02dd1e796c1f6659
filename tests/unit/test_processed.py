"""Blocks of reports and their limits of size."""

import os

import zstandard

from agents.batch.blocks import BLOCK_BYTES, RAW_BYTES, blocks
from app.model import Facts
from app.records import Stored, decode_stored

FACTS = Facts(1, "sentry", "error", "a" * 32, 0)


def stored(count: int, payload: bytes) -> list[Stored]:
    return [Stored(3 * n, FACTS, payload) for n in range(count)]


def test_blocks_give_every_report_back_in_order() -> None:
    reports = stored(500, b'{"message": "no stock"}' * 100)
    packed = list(blocks(reports))
    assert len(packed) > 1
    assert [report for block in packed for report in decode_stored(zstandard.decompress(block.data))] == reports
    for block in packed:
        inside = decode_stored(zstandard.decompress(block.data))
        assert (block.first, block.last, block.count) == (inside[0].offset, inside[-1].offset, len(inside))
        assert sum(len(report.payload) for report in inside) <= RAW_BYTES


def test_what_does_not_pack_is_cut_until_it_fits() -> None:
    packed = list(blocks(stored(60, os.urandom(5000))))
    assert all(len(block.data) <= BLOCK_BYTES for block in packed)
    random = list(blocks([Stored(n, FACTS, os.urandom(5000)) for n in range(60)]))
    assert all(len(block.data) <= BLOCK_BYTES for block in random)
    assert sum(block.count for block in random) == 60


def test_one_large_report_is_a_block_of_its_own_and_is_never_split() -> None:
    large = Stored(1, FACTS, os.urandom(700_000))
    packed = list(blocks([*stored(1, b"small"), large, Stored(2, FACTS, b"small")]))
    assert [(block.first, block.last, block.count) for block in packed] == [(0, 0, 1), (1, 1, 1), (2, 2, 1)]


def test_no_report_is_no_block() -> None:
    assert list(blocks([])) == []
