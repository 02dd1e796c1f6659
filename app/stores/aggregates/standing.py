"""What a decision about a group means for the events that come after it. Pure: the same whatever the cut of batches.

=========================  ============================================================================================
resolved                   an event that happened after the decision makes it ``regressed``
resolved in next release   so does an event in a release that was not known at the decision, whenever it happened;
                           known releases, and events without one, change nothing
ignored                    nothing changes it
ignored until N events     the N-th event counted after the decision opens it again
ignored until a time       the first event that happened at that time or later opens it again
=========================  ============================================================================================
"""

from typing import Final, Literal, NamedTuple

SETTABLE: Final = ("open", "resolved", "ignored")
STATUSES: Final = (*SETTABLE, "regressed")
MOST_EVENTS: Final = 10**9
"""Events that a decision can wait for."""

Ending = Literal["regressed", "open"]
NOTICES: Final[dict[Ending, Literal["regressed", "reopened"]]] = {"regressed": "regressed", "open": "reopened"}


class Until(NamedTuple):
    """How a decision ends by itself; at most one of these, none for a decision that stands."""

    next_release: bool = False
    events: int | None = None
    """More events."""
    time: int | None = None
    """Milliseconds since the epoch."""


FOR_GOOD: Final = Until()


class Standing(NamedTuple):
    """What was decided, as it is stored."""

    status: str
    since: int
    """Milliseconds since the epoch."""
    spared: frozenset[str] | None
    events_left: int | None
    until: int | None


class Seen(NamedTuple):
    """What one flush counts of a group."""

    last: int | None = None
    """Time (ms) of its latest event, None where only its releases are known here."""
    events: int = 0
    releases: frozenset[str] = frozenset()


def together(one: Seen, other: Seen) -> Seen:
    """Put two parts of what was seen together."""
    known = [time for time in (one.last, other.last) if time is not None]
    return Seen(max(known, default=None), one.events + other.events, one.releases | other.releases)


def check(status: str, until: Until) -> None:
    """Raise ValueError, with a text for people, for a decision that makes no sense."""
    if status not in SETTABLE:
        raise ValueError(f"status {status!r}; one of {', '.join(SETTABLE)} can be set")
    if until.next_release and status != "resolved":
        raise ValueError("only resolving waits for the next release")
    if (until.events is not None or until.time is not None) and status != "ignored":
        raise ValueError("only ignoring ends after events or at a time")
    if until.events is not None and until.time is not None:
        raise ValueError("ignore until events or until a time, not both")
    if until.events is not None and not 1 <= until.events <= MOST_EVENTS:
        raise ValueError(f"events is a number from 1 to {MOST_EVENTS}")


def ending(standing: Standing, seen: Seen) -> Ending | None:
    """Give the status that events bring a group to, None where the decision stands."""
    if standing.status == "resolved" and standing.spared is not None:
        return "regressed" if seen.releases - standing.spared else None
    if standing.status == "resolved":
        return "regressed" if seen.last is not None and seen.last > standing.since else None
    if standing.status != "ignored":
        return None
    counted = standing.events_left is not None and seen.events >= standing.events_left
    passed = standing.until is not None and seen.last is not None and seen.last >= standing.until
    return "open" if counted or passed else None
