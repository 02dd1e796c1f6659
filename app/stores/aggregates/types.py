"""What the aggregates store is asked (``…Query``) and what it returns.

Starts of windows and ends of ranges are seconds since the epoch; all other times are milliseconds. Ranges are half-open
and are rounded outward to whole windows (API.md, "What the numbers mean"). In a query an empty text selects everything.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from app.model import Address

GroupSort = Literal["last_seen", "first_seen", "count", "users", "rate", "growth"]
GROUP_SORTS: Final[tuple[GroupSort, ...]] = ("last_seen", "first_seen", "count", "users", "rate", "growth")


class RangeQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A project's windows that overlap [``start``, ``end``), in seconds."""

    project: int
    start: int
    end: int


class PointsQuery(RangeQuery, frozen=True, kw_only=True):
    """The windows of ``size`` seconds that start in the range: of a project, group or environment, or a release of one.

    No windows are kept of a group in one environment.
    """

    size: int
    group: str = ""
    release: str = ""
    environment: str = ""


class TotalsQuery(RangeQuery, frozen=True, kw_only=True):
    """The sums of a project, of a group, of an environment, or of a release of one of these.

    No windows are kept of a group in one environment.
    """

    group: str = ""
    release: str = ""
    environment: str = ""


class GroupsQuery(RangeQuery, frozen=True, kw_only=True):
    """One page of the groups that have events in the range, greatest first by ``sort``.

    The status ``open`` includes regressed groups. ``handled`` is "true", "false" or "unknown", judged by all events of
    a group. ``only`` restricts to the groups that these ids belong to, None means all. ``cursor`` is the ``next`` of
    the page before, "" for the first page.
    """

    release: str = ""
    status: str = ""
    level: str = ""
    handled: str = ""
    only: Sequence[str] | None = None
    sort: GroupSort = "last_seen"
    limit: int = 50
    cursor: str = ""


class ReleasesQuery(RangeQuery, frozen=True, kw_only=True):
    """The releases that have windows in the range; ``only`` restricts them to these names, None means all.

    With ``environment`` all numbers are of that environment alone.
    """

    only: Sequence[str] | None = None
    environment: str = ""


class TimingsQuery(RangeQuery, frozen=True, kw_only=True):
    """Durations by name, at most ``limit`` names, the most frequent first; "" selects all releases, all kinds."""

    release: str = ""
    kind: str = ""
    limit: int = 200


class EventCountsQuery(RangeQuery, frozen=True, kw_only=True):
    """The events of some groups by window of ``size`` seconds; ``members`` maps each group to its members' ids."""

    size: int
    members: Mapping[str, Sequence[str]]


class LedgerQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The minutes that overlap [``start_ms``, ``end_ms``), of some projects; None means all."""

    start_ms: int
    end_ms: int
    projects: Collection[int] | None = None


class Point(msgspec.Struct, frozen=True, omit_defaults=True):
    """The numbers of one stored window; sessions are None where the query names a group."""

    start: int
    crashes: int
    unhandled: int
    messages: int
    users: int
    sessions: int | None
    crashed_sessions: int | None
    unhandled_sessions: int | None = None
    not_said: int = 0
    """Crashes of which the SDK does not say whether they were handled."""


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of a range; users are distinct, shares are 0..1.

    What follows from sessions is None where the query names a group; shares are also None without sessions (without
    sessions that name a user). ``sizes`` are the window sizes, in seconds, that the range was summed from.
    """

    crashes: int
    unhandled: int
    not_said: int
    messages: int
    users: int
    sessions: int | None
    crashed_sessions: int | None
    unhandled_sessions: int | None
    errored_sessions: int | None
    crash_free_sessions: float | None
    crash_free_users: float | None
    sizes: list[int]


class GroupRow(msgspec.Struct, frozen=True):
    """One group over a range; the counts of merged members are summed, their users united."""

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
    """Ids whose events belong to the group, its own first."""
    sample: Address
    sample_event: str
    next_release: bool = False
    """Whether it was resolved in the next release only (``app.stores.aggregates.standing``)."""
    events_left: int | None = None
    """Further events until an ignored group opens again."""
    until: int | None = None
    """An ignored group opens again with an event that happens at or after this time, ms."""
    recent: int = 0
    """Events in the last five minutes of the range."""
    before: int = 0
    """Events in the equally long range before."""
    cause: str = ""
    """``Type: message`` of the exception that decided, where it is not the one of the title."""
    handled: bool | None = None
    """Whether all of its crashes were handled, as far as SDKs say; None where none says so."""


class GroupPage(NamedTuple):
    """One page of groups; ``next`` is the cursor of the next page, None on the last; ``sizes`` of windows summed, s."""

    rows: list[GroupRow]
    next: str | None
    sizes: list[int]


class NoticedGroup(NamedTuple):
    """A group that appeared or regressed in a release."""

    group: str
    title: str
    kind: str
    """``new`` or ``regressed``."""
    at: int
    """Milliseconds since the epoch."""


class ReleaseGroups(NamedTuple):
    """The groups that appeared or regressed in a release: how many of each kind in all, and the latest of them."""

    counts: dict[str, int]
    latest: list[NoticedGroup]


class ReleaseCounts(NamedTuple):
    """The counts of one release; distinct users, which are slow to count, are not among them."""

    release: str
    crashes: int
    sessions: int
    first_seen: int


class EnvironmentCounts(NamedTuple):
    """The counts of one environment; distinct users, which are slow to count, are not among them."""

    environment: str
    crashes: int
    sessions: int
    crashed_sessions: int


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
    unhandled_sessions: int = 0


class TimingRow(msgspec.Struct, frozen=True):
    """The durations of one name over a range: the number of measurements and their percentiles, ms."""

    name: str
    """Empty for all names of the kind together."""
    kind: str
    count: int
    p50: float
    p75: float
    p95: float
    p99: float


class TimingRows(msgspec.Struct, frozen=True):
    """The timings of a range: by name, the most frequent first; by kind; the number of names; the sizes summed, s.

    ``releases`` are all that have timings in the range, the newest name first.
    """

    names: list[TimingRow]
    kinds: list[TimingRow]
    total: int
    sizes: list[int]
    releases: list[str]


class Notice(msgspec.Struct, frozen=True):
    """A group that is new, regressed or open again; ``at`` is the event's time, ``created`` the row's, both ms."""

    id: str
    group: str
    kind: str
    at: int
    created: int


class LostQuantity(msgspec.Struct, frozen=True):
    """What SDKs say that they did not send, for one reason."""

    reason: str
    category: str
    quantity: int
    by_choice: bool
    """Whether the SDK was configured to leave it out, by sampling or a filter: then nothing was lost."""


class NotKept(msgspec.Struct, frozen=True):
    """Items of one kind that were received, acknowledged and not kept."""

    kind: str
    """The type of item (transaction, attachment, …), or what was wrong with it (too_large)."""
    category: str
    quantity: int


class LedgerMinute(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the records received in one minute, as the API shows it; ``accepted`` sums the outcomes."""

    start: str
    """Start of the minute, ISO 8601 UTC."""
    category: str
    accepted: int
    grouped: int
    duplicate: int
    filtered: int
    rate_limited: int
    dead_lettered: int
    in_flight: int
    lost: list[LostQuantity]
