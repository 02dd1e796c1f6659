"""What the aggregates store gives to those who read it."""

from typing import Any, NamedTuple

import msgspec

from app.model import Address


class Point(msgspec.Struct, frozen=True, omit_defaults=True):
    """One stored window, as the API gives it."""

    start: int
    crashes: int
    unhandled: int
    messages: int
    users: int
    sessions: int | None
    crashed_sessions: int | None


class GroupRow(msgspec.Struct, frozen=True):
    """One group (merged members summed) over a range."""

    id: str
    project: int
    title: str
    culprit: str
    platform: str
    level: str
    type: str
    unhandled: bool
    count: int
    messages: int
    users: int
    first_seen: int
    last_seen: int
    first_release: str
    status: str
    grouping: str
    members: list[str]
    sample: Address
    sample_event: str
    next_release: bool = False
    """Resolved in the next release only (``app.stores.aggregates.standing``)."""
    events_left: int | None = None
    """Ignored until so many more events were counted."""
    until: int | None = None
    """Ignored until it happens at or after this time, ms."""
    recent: int = 0
    """Events in the last five minutes of the range."""
    before: int = 0
    """Events in the equally long range before."""


class ReleaseCounts(NamedTuple):
    """What a list of releases is made of where nobody asks for users."""

    release: str
    crashes: int
    sessions: int
    first_seen: int


class ReleaseRow(msgspec.Struct, frozen=True):
    """One release over a range; rates are 0..1, None without sessions."""

    release: str
    crashes: int
    users: int
    sessions: int
    crashed_sessions: int
    crash_free_sessions: float | None
    crash_free_users: float | None
    adoption: float | None
    first_seen: int


class TimingRow(msgspec.Struct, frozen=True):
    """How long one thing took over a range: how often it was measured, and the percentiles, ms."""

    name: str
    """'' for all names of the kind together."""
    kind: str
    count: int
    p50: float
    p75: float
    p95: float
    p99: float


class TimingRows(msgspec.Struct, frozen=True):
    """The timings of a range: by name, the most frequent first; by kind; how many names there are; sizes summed, s.

    ``releases`` are all that have any in the range.
    """

    names: list[TimingRow]
    kinds: list[TimingRow]
    total: int
    sizes: list[int]
    releases: list[str]


Totals = dict[str, Any]
