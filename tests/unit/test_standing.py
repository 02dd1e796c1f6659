"""What decisions about groups mean for later events."""

from functools import reduce

import pytest

from app.stores.aggregates.standing import FOR_GOOD, Seen, Standing, Until, check, ending, together

RESOLVED = Standing("resolved", 5000, None, None, None)
NEXT = Standing("resolved", 5000, frozenset({"v1", "v2"}), None, None)
MUTE = Standing("ignored", 5000, None, None, None)


@pytest.mark.parametrize(
    ("standing", "seen", "status"),
    [
        (RESOLVED, Seen(5000, 9), None),
        (RESOLVED, Seen(5001, 1), "regressed"),
        (RESOLVED, Seen(None, 0, frozenset({"v9"})), None),
        (NEXT, Seen(9000, 5, frozenset({"v1"})), None),
        (NEXT, Seen(9000, 5), None),
        (NEXT, Seen(None, 0, frozenset({"v1", "v3"})), "regressed"),
        (MUTE, Seen(9000, 10**6, frozenset({"v9"})), None),
        (MUTE._replace(events_left=3), Seen(9000, 2), None),
        (MUTE._replace(events_left=3), Seen(1000, 3), "open"),
        (MUTE._replace(until=8000), Seen(7999, 99), None),
        (MUTE._replace(until=8000), Seen(8000, 1), "open"),
        (MUTE._replace(until=8000), Seen(None, 1), None),
        (Standing("open", 0, None, None, None), Seen(9000, 9), None),
        (Standing("regressed", 0, None, None, None), Seen(9000, 9), None),
    ],
)
def test_what_events_do_to_a_decision(standing: Standing, seen: Seen, status: str | None) -> None:
    assert ending(standing, seen) == status


def test_parts_of_what_was_seen_are_put_together() -> None:
    whole = reduce(together, (Seen(5, 2), Seen(None, 0, frozenset({"v1"})), Seen(9, 1)))
    assert whole == Seen(9, 3, frozenset({"v1"}))


@pytest.mark.parametrize(
    ("status", "until"),
    [
        ("regressed", FOR_GOOD),
        ("", FOR_GOOD),
        ("open", Until(next_release=True)),
        ("ignored", Until(next_release=True)),
        ("resolved", Until(events=5)),
        ("open", Until(time=5)),
        ("ignored", Until(events=5, time=5)),
        ("ignored", Until(events=0)),
        ("ignored", Until(events=10**10)),
    ],
)
def test_decisions_that_make_no_sense(status: str, until: Until) -> None:
    with pytest.raises(ValueError, match=r"."):
        check(status, until)
