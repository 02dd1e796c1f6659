"""Formatting of numbers and times, and layout of small charts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web import formatting


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1234, "1,234"),
        (12_345, "12.3k"),
        (456_789, "457k"),
        (4_560_000, "4.6M"),
        (10**10, "10.0G"),
    ],
)
def test_counts(number: int, text: str) -> None:
    assert formatting.count(number) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "\u2013"), (1.0, "100%"), (0.0, "0%"), (0.5, "50.0%"), (0.9912, "99.12%"), (0.99999, "99.999%")],
)
def test_shares(value: float | None, text: str) -> None:
    assert formatting.share(value) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0.00 ms"), (0.53, "0.53 ms"), (8.7, "8.7 ms"), (812.4, "812 ms"), (1240, "1.24 s"), (150_000, "2.5 min")],
)
def test_durations(ms: float, text: str) -> None:
    assert formatting.duration(ms) == text


@given(st.floats(0, 1, exclude_max=True))
def test_a_share_below_1_never_rounds_to_100_percent(value: float) -> None:
    assert formatting.share(value) != "100%"


@pytest.mark.parametrize(
    ("past", "text"),
    [(0, "just now"), (59_000, "59 s ago"), (60_000, "1 min ago"), (7_300_000, "2 h ago"), (-5000, "just now")],
)
def test_how_long_ago(past: int, text: str) -> None:
    assert formatting.ago(10**12 - past, 10**12) == text


@pytest.mark.parametrize(
    ("now", "before", "options", "text", "rating"),
    [
        (150, 100, {}, "+50%", "worse"),
        (50, 100, {}, "-50%", "better"),
        (0, 0, {}, "unchanged", "same"),
        (3, 0, {}, "up from 0", "worse"),
        (None, 3, {}, "no previous value", "same"),
        (0.99, 0.98, {"more_is_worse": False, "points": True}, "+1.00 points", "better"),
        (0.97, 0.98, {"more_is_worse": False, "points": True}, "-1.00 points", "worse"),
    ],
)
def test_comparisons(now: float | None, before: float | None, options: dict[str, bool], text: str, rating: str) -> None:
    assert formatting.compare(now, before, **options) == (text, rating)


@given(st.lists(st.integers(0, 10**9), max_size=200))
def test_bars_stay_in_their_box_and_none_is_invisible(values: list[int]) -> None:
    laid = formatting.bars(values)
    assert len(laid) == sum(value > 0 for value in values)
    for bar in laid:
        assert 0 <= bar.x <= formatting.WIDTH
        assert bar.height >= 1.5
        assert bar.y + bar.height <= formatting.HEIGHT + 1.6


def test_missing_windows_are_zero() -> None:
    assert formatting.dense({60: 3, 180: 1}, 65, 240, 60) == [3, 0, 1]


def test_the_current_rate_counts_the_unfinished_minute() -> None:
    assert formatting.rate_per_minute({600: 11, 300: 1, 240: 500}, 630, 5) == pytest.approx(12 / 5.5)
    assert formatting.rate_per_minute({}, 600, 5) == 0


@given(st.lists(st.integers(0, 100), max_size=400), st.integers(1, 70))
def test_downsampling_keeps_the_sum(values: list[int], most: int) -> None:
    left = formatting.downsample(values, most)
    assert len(left) <= most
    assert sum(left) == sum(values)


def test_times_are_written_in_utc() -> None:
    assert formatting.iso(1_769_868_000_000) == "2026-01-31T14:00:00Z"
    assert formatting.iso(1_769_868_000_250) == "2026-01-31T14:00:00.250Z"
    assert formatting.iso(None) is None
