"""Latency sketches: quantiles within their accuracy, sums that depend on nothing but the durations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.records import Entry
from tables import latency
from tables.windows import LATENCY, Row, Version, apply, change_of, united

DURATIONS = st.lists(st.floats(0, 2 * latency.MOST), min_size=1, max_size=200)
SHARES = (0, 50, 75, 95, 99, 100)


def sketch(durations: list[float]) -> bytes:
    return latency.add(latency.EMPTY, map(latency.bucket, durations))


@given(DURATIONS)
def test_every_percentile_is_within_one_per_cent(durations: list[float]) -> None:
    found = latency.percentiles(latency.counts_of(sketch(durations)), SHARES)
    ordered = sorted(min(each, latency.MOST) for each in durations)
    for share, value in zip(SHARES, found, strict=True):
        exact = ordered[share * (len(ordered) - 1) // 100]
        assert abs(value - exact) <= max(latency.ACCURACY * exact * (1 + 1e-9), latency.LEAST)


@given(DURATIONS, DURATIONS, st.integers(0, 200))
def test_bytes_follow_from_the_durations_alone(one: list[float], two: list[float], cut: int) -> None:
    whole = sketch(one + two)
    assert latency.union([sketch(two), sketch(one)]) == whole
    assert latency.add(sketch(two[:cut]), map(latency.bucket, one + two[cut:])) == whole
    assert latency.union([whole, latency.EMPTY]) == whole
    assert sum(latency.counts_of(whole).values()) == len(one) + len(two)


@given(st.floats(0, 2 * latency.MOST), st.floats(0, 2 * latency.MOST))
def test_buckets_are_in_the_order_of_durations(one: float, two: float) -> None:
    assert (latency.bucket(one) <= latency.bucket(two)) or one > two


def test_the_ends_have_their_buckets() -> None:
    assert latency.bucket(0) == latency.bucket(latency.LEAST) == 0 < latency.bucket(latency.LEAST * 1.001)
    assert latency.bucket(latency.MOST) == latency.bucket(1e300)
    assert latency.value(0) == 0
    assert latency.value(latency.bucket(latency.MOST)) == pytest.approx(latency.MOST, rel=latency.ACCURACY)


def test_buckets_never_move() -> None:
    """What is stored means the same for ever; these are of the first version."""
    assert [latency.bucket(ms) for ms in (0.05, 1, 80.5, 1000, 60_000)] == FROZEN


def test_rows_count_durations_once_and_unite() -> None:
    entries = [Entry(at, {"timings": 1}, {LATENCY: at % 3}) for at in range(9)]
    changes = [change_of(Version(1, at), [entry]) for at, entry in enumerate(entries)]
    whole = apply(Row(), changes)
    assert latency.counts_of(whole.sketches[LATENCY]) == {0: 3, 1: 3, 2: 3}
    assert apply(whole, changes) is whole
    assert apply(apply(Row(), changes[:4]), changes) == whole
    both = united([(whole.counts, whole.sketches)] * 2)
    assert (both.counts, latency.counts_of(both.sketches[LATENCY])) == ({"timings": 18}, {0: 6, 1: 6, 2: 6})


def test_nothing_has_no_percentile() -> None:
    assert latency.union([]) == latency.EMPTY
    with pytest.raises(ValueError, match="no durations"):
        latency.percentiles({}, (50,))


FROZEN = [81, 231, 450, 576, 781]
