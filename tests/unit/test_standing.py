"""The effect of later events on decisions about groups."""

from functools import reduce

import pytest

from app.stores.aggregates.standing import (
    PERMANENT,
    Decision,
    EndCondition,
    GroupActivity,
    check_decision,
    combine,
    status_after,
)

RESOLVED = Decision("resolved", 5000, None, None, None)
NEXT = Decision("resolved", 5000, frozenset({"v1", "v2"}), None, None)
IGNORED = Decision("ignored", 5000, None, None, None)


@pytest.mark.parametrize(
    ("decision", "activity", "status"),
    [
        (RESOLVED, GroupActivity(5000, 9), None),
        (RESOLVED, GroupActivity(5001, 1), "regressed"),
        (RESOLVED, GroupActivity(None, 0, frozenset({"v9"})), None),
        (NEXT, GroupActivity(9000, 5, frozenset({"v1"})), None),
        (NEXT, GroupActivity(9000, 5), None),
        (NEXT, GroupActivity(None, 0, frozenset({"v1", "v3"})), "regressed"),
        (IGNORED, GroupActivity(9000, 10**6, frozenset({"v9"})), None),
        (IGNORED._replace(events_left=3), GroupActivity(9000, 2), None),
        (IGNORED._replace(events_left=3), GroupActivity(1000, 3), "open"),
        (IGNORED._replace(until=8000), GroupActivity(7999, 99), None),
        (IGNORED._replace(until=8000), GroupActivity(8000, 1), "open"),
        (IGNORED._replace(until=8000), GroupActivity(None, 1), None),
        (Decision("open", 0, None, None, None), GroupActivity(9000, 9), None),
        (Decision("regressed", 0, None, None, None), GroupActivity(9000, 9), None),
    ],
)
def test_the_status_after_events(decision: Decision, activity: GroupActivity, status: str | None) -> None:
    assert status_after(decision, activity) == status


def test_the_activity_of_parts_is_combined() -> None:
    whole = reduce(combine, (GroupActivity(5, 2), GroupActivity(None, 0, frozenset({"v1"})), GroupActivity(9, 1)))
    assert whole == GroupActivity(9, 3, frozenset({"v1"}))


@pytest.mark.parametrize(
    ("status", "until"),
    [
        ("regressed", PERMANENT),
        ("", PERMANENT),
        ("open", EndCondition(next_release=True)),
        ("ignored", EndCondition(next_release=True)),
        ("resolved", EndCondition(events=5)),
        ("open", EndCondition(time=5)),
        ("ignored", EndCondition(events=5, time=5)),
        ("ignored", EndCondition(events=0)),
        ("ignored", EndCondition(events=10**10)),
    ],
)
def test_impossible_decisions_are_refused(status: str, until: EndCondition) -> None:
    with pytest.raises(ValueError, match=r"."):
        check_decision(status, until)
