"""How decisions about a group end: the effect of later events on its status. Pure, the same for any cut of batches.

=========================  ============================================================================================
resolved                   an event that happened after the decision makes it ``regressed``
resolved in next release   an event in a release that was unknown at the decision makes it ``regressed``, whenever it
                           happened; known releases, and events without one, change nothing
ignored                    nothing changes it
ignored until N events     the N-th event counted after the decision opens it again
ignored until a time       the first event that happened at that time or later opens it again
=========================  ============================================================================================
"""

from typing import Final, Literal, NamedTuple

SETTABLE: Final = ("open", "resolved", "ignored")
STATUSES: Final = (*SETTABLE, "regressed")
MAX_EVENTS: Final = 10**9
"""The most events that a decision can wait for; they fit the column, a 64-bit integer, however they are summed."""

EndStatus = Literal["regressed", "open"]
NOTICE_KINDS: Final[dict[EndStatus, Literal["regressed", "reopened"]]] = {"regressed": "regressed", "open": "reopened"}


class EndCondition(NamedTuple):
    """What ends a decision by itself: at most one of these, none for a permanent decision."""

    next_release: bool = False
    events: int | None = None
    """This many further events."""
    time: int | None = None
    """An event at or after this time, milliseconds since the epoch."""


PERMANENT: Final = EndCondition()


class Decision(NamedTuple):
    """A decision as it is stored; ``known_releases`` is None unless it ends with the next release."""

    status: str
    since: int
    """Milliseconds since the epoch."""
    known_releases: frozenset[str] | None
    """The project's releases at the decision."""
    events_left: int | None
    until: int | None


class GroupActivity(NamedTuple):
    """What one flush counts of a group."""

    last_seen: int | None = None
    """Time (ms) of its latest event; None where this flush has only windows of its releases."""
    events: int = 0
    releases: frozenset[str] = frozenset()


def combine(one: GroupActivity, other: GroupActivity) -> GroupActivity:
    """Return the activity of two disjoint parts together."""
    times = [time for time in (one.last_seen, other.last_seen) if time is not None]
    return GroupActivity(max(times, default=None), one.events + other.events, one.releases | other.releases)


def check_decision(status: str, until: EndCondition) -> None:
    """Raise ValueError, with a text for people, for a status or an end condition that cannot be set."""
    if status not in SETTABLE:
        raise ValueError(f"status {status!r}; one of {', '.join(SETTABLE)} can be set")
    if until.next_release and status != "resolved":
        raise ValueError("only resolving waits for the next release")
    if (until.events is not None or until.time is not None) and status != "ignored":
        raise ValueError("only ignoring ends after events or at a time")
    if until.events is not None and until.time is not None:
        raise ValueError("ignore until events or until a time, not both")
    if until.events is not None and not 1 <= until.events <= MAX_EVENTS:
        raise ValueError(f"events is a number from 1 to {MAX_EVENTS}")


def status_after(decision: Decision, activity: GroupActivity) -> EndStatus | None:
    """Return the status that events bring a group to, None where the decision stands."""
    if decision.status == "resolved" and decision.known_releases is not None:
        return "regressed" if activity.releases - decision.known_releases else None
    if decision.status == "resolved":
        return "regressed" if activity.last_seen is not None and activity.last_seen > decision.since else None
    if decision.status != "ignored":
        return None
    counted = decision.events_left is not None and activity.events >= decision.events_left
    passed = decision.until is not None and activity.last_seen is not None and activity.last_seen >= decision.until
    return "open" if counted or passed else None
