"""The replies of the API as types: each reply's bytes, and its schema in ``openapi.json``, come from these.

Times are ISO-8601 in UTC. API.md, "What the numbers mean" defines each number.
"""

from typing import Any

import msgspec
from msgspec import field

from app.stores.aggregates.types import LedgerMinute


class ProjectReply(msgspec.Struct):
    """A project with the keys of its SDKs."""

    id: int
    name: str
    dsn: str
    raygun_key: str


class ProjectsReply(msgspec.Struct):
    """All projects that the token may see."""

    projects: list[ProjectReply]


class GroupReply(msgspec.Struct):
    """One group; ``count``, ``messages`` and ``users`` are of the requested range."""

    id: str
    project: int
    title: str
    culprit: str
    type: str
    level: str
    platform: str
    unhandled: bool
    count: int
    messages: int
    users: int
    first_seen: str
    last_seen: str
    first_release: str | None
    status: str
    members: list[str]
    next_release: bool
    """Resolved in the next release: events of releases that were known at the decision do not reopen it."""
    events_left: int | None
    """Ignored until this many more events were counted."""
    until: str | None
    """Ignored until an event happens at or after this time."""
    recent: int
    """Events in the last five minutes of the range; 0 where a single group is read."""
    before: int
    """Events in the equally long range before; 0 where a single group is read."""


class UnknownFieldReply(msgspec.Struct):
    """A name in the query that no event of the range has as a field, tag or context."""

    field: str
    message: str
    """A text for people."""
    similar: list[str]
    """Known names that it may mean."""


class GroupsReply(msgspec.Struct):
    """One page of groups; ``sizes`` are the windows that were summed, s."""

    groups: list[GroupReply]
    next: str | None
    start: str = field(name="from")
    to: str = ""
    sizes: list[int] = []
    complete_until: str | None = None
    cut: bool = False
    """More groups match ``q`` than are searched for: those with the fewest events are left out."""
    unknown: list[UnknownFieldReply] = []
    """Unknown names in ``q``."""


class AddressReply(msgspec.Struct):
    """The permanent address of a raw report; the topic's name holds the log's generation."""

    topic: str
    partition: int
    offset: int


class WhyReply(msgspec.Struct):
    """One part of an event that grouping examined."""

    name: str
    raw: str
    value: str
    counted: bool
    why: str


class GroupDetail(GroupReply, kw_only=True):
    """A group, and why its sample event belongs to it."""

    grouping: str
    why: list[WhyReply]
    sample: dict[str, Any]
    complete_until: str | None = None


class PointReply(msgspec.Struct):
    """One window; ``sessions`` and ``crashed_sessions`` are null where the query names a group."""

    start: str
    crashes: int
    unhandled: int
    messages: int
    users: int
    sessions: int | None
    crashed_sessions: int | None


class RatesReply(msgspec.Struct):
    """The windows that are not empty, oldest first."""

    window: str
    start: str = field(name="from")
    to: str = ""
    points: list[PointReply] = []
    complete_until: str | None = None


class ReleaseReply(msgspec.Struct):
    """One release; rates are 0..1, null without sessions."""

    release: str
    crashes: int
    users: int
    sessions: int
    crashed_sessions: int
    crash_free_sessions: float | None
    crash_free_users: float | None
    adoption: float | None
    first_seen: str


class ReleasesReply(msgspec.Struct):
    """The releases that have events or sessions in the range, newest first."""

    releases: list[ReleaseReply]
    start: str = field(name="from")
    to: str = ""
    complete_until: str | None = None


class TimingReply(msgspec.Struct):
    """The durations of one name: count, and percentiles in ms within 1 % (CLS, a vital, is a score, not a time)."""

    name: str
    """A path with its variable parts as ``{id}``, or the program's name for it; ``(other)`` sums up names beyond the
    limit.
    """
    kind: str
    """page, view, request, asset, cached, custom or vital."""
    count: int
    p50: float
    p75: float
    p95: float
    p99: float


class TimingsReply(msgspec.Struct):
    """The most frequent names; ``total`` is the number of all names, ``sizes`` are the windows that were summed, s."""

    timings: list[TimingReply]
    total: int
    start: str = field(name="from")
    to: str = ""
    sizes: list[int] = []
    complete_until: str | None = None


class HitReply(msgspec.Struct):
    """One event of a list."""

    event_id: str
    project: int
    group: str
    title: str
    culprit: str
    time: str
    received: str
    level: str
    platform: str
    release: str
    environment: str
    user: str
    unhandled: bool
    server: str
    url: str
    sdk: str
    tags: dict[str, str]
    address: AddressReply


class SearchReply(msgspec.Struct):
    """One page of events, newest first; ``total`` is of all pages.

    ``unknown`` has all unknown names where nothing is found, else those of terms that exclude events.
    """

    events: list[HitReply]
    total: int
    next: str | None
    start: str = field(name="from")
    to: str = ""
    unknown: list[UnknownFieldReply] = []


class FrameReply(msgspec.Struct):
    """One frame; ``context`` holds (line number, text)."""

    function: str
    module: str
    file: str
    abs_path: str
    line: int | None
    column: int | None
    in_app: bool | None
    source: str
    context: list[tuple[int, str]]
    vars: dict[str, Any]


class ExceptionReply(msgspec.Struct):
    """One exception; frames are innermost last."""

    type: str
    value: str
    module: str
    handled: bool | None
    mechanism: str
    frames: list[FrameReply]


class ThreadReply(msgspec.Struct):
    """One thread at the time of the crash."""

    id: str
    name: str
    crashed: bool
    current: bool
    frames: list[FrameReply]


class BreadcrumbReply(msgspec.Struct):
    """One breadcrumb: something that happened before the event."""

    time: str | None
    type: str
    category: str
    level: str
    message: str
    data: dict[str, Any]


class EventReply(msgspec.Struct):
    """One event in full. Exceptions: causes first, the outermost last. Secrets read ``[Filtered]``."""

    event_id: str
    project: int
    group: str
    title: str
    culprit: str
    level: str
    platform: str
    release: str | None
    environment: str | None
    time: str
    happened: str | None
    sent: str | None
    received: str
    unhandled: bool
    message: str
    logger: str
    transaction: str
    server: str
    url: str
    fingerprint: list[str]
    exceptions: list[ExceptionReply]
    threads: list[ThreadReply]
    user: dict[str, Any]
    request: dict[str, Any]
    breadcrumbs: list[BreadcrumbReply]
    tags: dict[str, str]
    contexts: dict[str, Any]
    extra: dict[str, Any]
    modules: dict[str, str]
    sdk: dict[str, str]
    notes: list[str]
    """What was corrected when the event was normalised."""
    grouping: str
    """The grouping version that gave the event its group."""
    address: AddressReply


class LedgerReply(msgspec.Struct):
    """The outcome of every record, by minute received and category; accepted is the sum of the six outcomes."""

    minutes: list[LedgerMinute]
    start: str = field(name="from")
    to: str = ""
    complete_until: str | None = None


class HealthReply(msgspec.Struct):
    """Whether the process is ready, and what does not work."""

    ready: bool
    reasons: list[dict[str, str]]


class ErrorDetail(msgspec.Struct):
    """A stable code and a text for people."""

    code: str
    message: str


class ErrorReply(msgspec.Struct):
    """An error answer."""

    error: ErrorDetail
