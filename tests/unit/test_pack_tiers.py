"""Small objects are merged: few remain, and no byte is copied often."""

from math import log
from random import Random

import pytest

from app.files.tiers import choose, tier

LIMIT = 32 << 20


def run(batches: list[int]) -> tuple[int, int, list[int]]:
    """Return the bytes written, the greatest number of small objects, and the sizes of all merged objects."""
    tail, written, most, merged = list[int](), 0, 0, list[int]()
    for size in batches:
        tail.append(size)
        written += size
        while chosen := choose(tail, LIMIT):
            assert len(chosen) > 1
            total = sum(tail[chosen.start : chosen.stop])
            merged.append(total)
            written += total
            tail = [*([] if total >= LIMIT else [*tail[: chosen.start], total]), *tail[chosen.stop :]]
        most = max(most, len(tail))
    return written, most, merged


@pytest.mark.parametrize("size", [900, 5000, 70_000, 3 << 20])
def test_equal_batches_keep_few_objects_and_copy_each_byte_once_a_tier(size: int) -> None:
    count = min(3 * LIMIT // size, 30_000)
    written, most, merged = run([size] * count)
    tiers = max(0, log(LIMIT / max(size, 4096), 8)) + 2
    assert most < 8 * (tier(LIMIT) + 2)
    assert written <= size * count * (2 + tiers)
    assert max(merged) < 2 * LIMIT


def test_mixed_batches_keep_few_objects() -> None:
    random = Random(7)
    sizes = [int(2 ** random.uniform(9, 22)) for _ in range(3000)]
    written, most, merged = run(sizes)
    assert most < 8 * (tier(LIMIT) + 2)
    assert written < 8 * sum(sizes)
    assert max(merged) < 2 * LIMIT


def test_tiers_grow_by_eight() -> None:
    assert [tier(4096 * 8**power) for power in range(5)] == [0, 1, 2, 3, 4]
    assert [tier(4096 * 8**power - 1) for power in range(1, 5)] == [0, 1, 2, 3]
