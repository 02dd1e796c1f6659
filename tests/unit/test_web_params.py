"""Query parameters: times, ranges, windows, limits."""

import pytest

from app.web import params
from app.web.errors import ApiError
from app.web.params import GroupsQuery, Range, RangeQuery

NOW = 1_780_000_030_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T14:00:00Z", 1_769_868_000_000),
        ("2026-01-31T14:00:00.250Z", 1_769_868_000_250),
        ("2026-01-31T15:00:00+01:00", 1_769_868_000_000),
        ("2026-01-31T15:00:00 01:00", 1_769_868_000_000),
        ("2026-01-31 14:00:00", 1_769_868_000_000),
        ("2026-01-31", 1_769_817_600_000),
        ("1769868000", 1_769_868_000_000),
        ("1769868000.5", 1_769_868_000_500),
        ("0001-01-01", 0),
        ("9999-12-31", params.LATEST),
        ("1" * 400, params.LATEST),
    ],
)
def test_times_that_are_read(text: str, expected: int) -> None:
    assert params.moment(text) == expected


@pytest.mark.parametrize("text", ["yesterday", "", "12:00", "2026-13-01", "\0", "-5", "²0260131000"])
def test_times_that_are_not(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        params.moment(text)
    assert (refused.value.status, refused.value.code) == (400, "bad_time")


def test_a_range_without_ends_is_the_last_day() -> None:
    assert RangeQuery().range(NOW) == Range(NOW - 86_400_000, NOW)
    day = params.read(RangeQuery, {"to": "2026-01-31", "from": ""}).range(NOW)
    assert day == Range(1_769_731_200_000, 1_769_817_600_000)


def test_a_range_is_rounded_outward_and_not_moved_when_it_fits() -> None:
    assert Range(61_000, 119_000).outward(60) == Range(60_000, 120_000)
    assert Range(60_000, 120_000).outward(60) == Range(60_000, 120_000)


@pytest.mark.parametrize(("hours", "expected"), [(1, "1m"), (24, "1h"), (24 * 30, "1d")])
def test_the_window_suits_the_range(hours: int, expected: str) -> None:
    assert params.window_for(Range(0, hours * 3_600_000)) == expected


def test_more_windows_than_a_reply_can_hold() -> None:
    with pytest.raises(ApiError) as refused:
        params.check_points("1m", Range(0, NOW))
    assert refused.value.code == "range_too_long"


@pytest.mark.parametrize(("text", "expected"), [("", 50), ("1", 1), ("200", 200), ("201", 200), ("9" * 50, 200)])
def test_a_limit_above_the_maximum_is_capped(text: str, expected: int) -> None:
    assert params.read(GroupsQuery, {"limit": text}).limit == expected


@pytest.mark.parametrize("text", ["0", "-1", "ten", "٣"])
def test_a_limit_that_is_none(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        params.read(GroupsQuery, {"limit": text})
    assert (refused.value.status, refused.value.code) == (400, "bad_limit")


@pytest.mark.parametrize(("name", "value"), [("sort", "title"), ("status", "fixed"), ("status", "\0"), ("from", "now")])
def test_a_value_that_is_no_choice_names_its_parameter(name: str, value: str) -> None:
    with pytest.raises(ApiError) as refused:
        params.read(GroupsQuery, {name: value})
    assert refused.value.code == ("bad_time" if name == "from" else f"bad_{name}")


def test_the_choices_are_listed() -> None:
    with pytest.raises(ApiError, match=r"^status is one of: open, resolved, ignored, regressed, all\.$"):
        params.read(GroupsQuery, {"status": "closed"})
