"""Ranges of time are covered by stored windows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cells import DAY, HOUR, MINUTE
from app.stores.aggregates.ranges import WindowRange, cover, outward, sizes_of

NOON = 1_700_006_400
DAY_OF = NOON - NOON % DAY


def test_a_cover_uses_the_largest_windows_that_fit() -> None:
    assert cover(NOON + 1, NOON + 61) == [WindowRange(MINUTE, NOON, NOON + 120)]
    ranges = cover(DAY_OF - 90 * 60, DAY_OF + DAY + 3660)
    assert ranges == [
        WindowRange(MINUTE, DAY_OF - 5400, DAY_OF - 3600),
        WindowRange(HOUR, DAY_OF - 3600, DAY_OF),
        WindowRange(DAY, DAY_OF, DAY_OF + DAY),
        WindowRange(HOUR, DAY_OF + DAY, DAY_OF + DAY + 3600),
        WindowRange(MINUTE, DAY_OF + DAY + 3600, DAY_OF + DAY + 3660),
    ]
    assert cover(NOON, NOON) == []


@given(st.integers(0, 2**33), st.integers(0, 90 * DAY))
def test_a_cover_has_no_gap_and_no_overlap(start: int, length: int) -> None:
    low, high = outward(start, start + length)
    ranges = cover(start, start + length)
    ends = [low, *(windows.end for windows in ranges)]
    assert [windows.start for windows in ranges] == ends[:-1]
    assert ends[-1] == max(low, high)
    assert all(edge % windows.size == 0 for windows in ranges for edge in (windows.start, windows.end))
    assert set(sizes_of(ranges)) <= {MINUTE, HOUR, DAY}


@pytest.mark.parametrize(("size", "expected"), [(MINUTE, (60, 120)), (HOUR, (0, 3600)), (DAY, (0, DAY))])
def test_ends_are_rounded_outward(size: int, expected: tuple[int, int]) -> None:
    assert outward(61, 119, size) == expected
    assert outward(*expected, size) == expected
