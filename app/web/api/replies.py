"""The replies of the API as types: each reply's bytes, and its schema in ``openapi.json``, come from these.

Times are ISO-8601 in UTC. API.md, "What the numbers mean" defines each number.
"""

from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, field

from app.model import Level as EventLevel
from app.model import TimingKind
from app.stores.aggregates.types import LedgerMinute, NotKept

GROUP_STATUSES = ("open", "resolved", "ignored", "regressed")


def _one_of(*values: str) -> Meta:
    """Describe a text as one of these values; it is not checked again when a reply is written."""
    return Meta(extra_json_schema={"enum": list(values)})


Level = Annotated[str, _one_of(*get_args(EventLevel))]
Status = Annotated[str, _one_of(*GROUP_STATUSES)]
Window = Annotated[str, _one_of("1m", "1h", "1d")]
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class ProjectReply(msgspec.Struct):
    """A project with the keys of its SDKs."""

    id: int
    name: str
    dsn: str
    raygun_key: str
    grouping: str
    """The version of the grouping; it never changes."""


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
    level: Level
    platform: str
    unhandled: bool
    count: int
    messages: int
    users: int
    first_seen: Time
    last_seen: Time
    first_release: str | None
    status: Status
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
    cause: str
    """``Type: message`` of the exception that decided, where it is not the one of the title."""
    handled: bool | None
    """False with an unhandled crash, true where SDKs say of crashes that they were handled, null where none says."""
    matching: int | None
    """Events of the range that ``q`` and ``environment`` find, of those that search keeps; null without a search."""


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


class SimilarGroup(msgspec.Struct):
    """A group that looks like the group, was joined with it or is kept apart from it."""

    group: str
    """Of an alias the member's id, otherwise the id that the other group goes by."""
    title: str
    cause: str
    kind: Literal["suggestion", "alias", "never"]
    """A suggestion waits for a decision, an alias joins both groups, ``never`` keeps them apart."""
    by: Literal["automatic", "person"]
    score: float
    """Similarity, 0..1; 1 for a person's decision."""
    reasons: list[str]
    stage: str
    """What the comparison went by; '' for a person's decision."""
    keys: list[str]
    """The two ids that were compared."""
    decided: str


class SimilarReply(msgspec.Struct):
    """The links of a group, the strongest first."""

    similar: list[SimilarGroup]


class ExplosionReply(msgspec.Struct):
    """A rule that the comparison of groups made for a statement whose texts made group after group."""

    signature: str
    """Its name, by which it is taken back."""
    type: str
    place: str
    """Place and function of the deciding frame."""
    template: str
    """What the texts have in common; ``…`` stands for the rest."""


class RulesVersionReply(msgspec.Struct):
    """One version of a project's rules."""

    version: int
    created: str | None
    author: Literal["person", "automatic"]
    explosions: int
    """Explosion rules in this version."""


class RulesReply(msgspec.Struct):
    """A project's rules in one version; versions are immutable, and records are stamped with their number."""

    project: int
    grouping: str
    version: int
    """0 where the project has no rules."""
    newest: int
    """The version that ingest stamps new records with."""
    created: str | None
    author: Literal["person", "automatic"]
    text: str
    """TOML, as a person wrote it."""
    explosions: list[ExplosionReply]
    history: list[RulesVersionReply]
    """The newest versions first, at most 50."""


class PointReply(msgspec.Struct):
    """One window; sessions are null where the query names a group."""

    start: Time
    crashes: int
    unhandled: int
    not_said: int
    """Crashes of which the SDK does not say whether they were handled."""
    messages: int
    users: int
    sessions: int | None
    crashed_sessions: int | None
    unhandled_sessions: int | None
    """Sessions that ended with an unhandled error: browsers report these, which are no crashes of a session."""


class RatesReply(msgspec.Struct):
    """The windows that are not empty, oldest first."""

    window: Window
    start: str = field(name="from")
    to: str = ""
    points: list[PointReply] = []
    complete_until: str | None = None


class EnvironmentReply(msgspec.Struct):
    """One environment."""

    environment: str
    crashes: int
    sessions: int
    crashed_sessions: int


class EnvironmentsReply(msgspec.Struct):
    """The environments that have events or sessions in the range, those with the most first."""

    environments: list[EnvironmentReply]
    start: str = field(name="from")
    to: str = ""
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
    first_seen: Time
    unhandled_sessions: int


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
    kind: Annotated[str, _one_of(*get_args(TimingKind))]
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
    time: Time
    received: Time
    level: Level
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
    cause: str


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
    package: str
    """Of native code the binary; likewise the next ones."""
    symbol: str
    address: str
    image: str
    """Where the binary is loaded."""


class ExceptionReply(msgspec.Struct):
    """One exception; frames are innermost last."""

    type: str
    value: str
    module: str
    handled: bool | None
    mechanism: str
    frames: list[FrameReply]
    registers: dict[str, str]


class ThreadReply(msgspec.Struct):
    """One thread at the time of the crash."""

    id: str
    name: str
    crashed: bool
    current: bool
    frames: list[FrameReply]
    state: str
    """As the run time calls it, '' where it is not sent."""
    registers: dict[str, str]


class BreadcrumbReply(msgspec.Struct):
    """One breadcrumb: something that happened before the event."""

    time: str | None
    type: str
    category: str
    level: str
    """The severity, as the SDK names it."""
    message: str
    data: dict[str, Any]


class EventReply(msgspec.Struct):
    """One event in full. Exceptions: causes first, the outermost last. Secrets read ``[Filtered]``."""

    event_id: str
    project: int
    group: str
    title: str
    culprit: str
    level: Level
    platform: str
    release: str | None
    environment: str | None
    time: Time
    happened: str | None
    sent: str | None
    received: Time
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
    images: list[dict[str, Any]]
    """The binaries that the process had loaded; native code only."""
    sdk: dict[str, str]
    notes: list[str]
    """What was corrected when the event was normalised."""
    grouping: str
    """The grouping version that gave the event its group."""
    address: AddressReply
    cause: str
    """``Type: message`` of the exception that decided, where it is not the one of the title."""


class LedgerReply(msgspec.Struct):
    """The outcome of every record, by minute received and category; accepted is the sum of the six outcomes."""

    minutes: list[LedgerMinute]
    start: str = field(name="from")
    to: str = ""
    complete_until: str | None = None


class ReceivedReply(msgspec.Struct):
    """What a project received, acknowledged and did not keep, by kind, the most frequent first."""

    not_kept: list[NotKept]
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
