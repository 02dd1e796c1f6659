"""The shared vocabulary: an event, the facts that ingest recorded of it, its group, sessions and timings.

All times are integers, milliseconds since the epoch, UTC. Nothing here does I/O. Structs that exist by the dozen for
each event are hidden from the garbage collector (``gc=False``): they come from JSON, a tree, so none is in a cycle.
"""

from typing import Any, Literal, NamedTuple

import msgspec

Kind = Literal["sentry", "raygun", "session", "sessions", "client_report", "timing", "refused"]
"""The format of a source record's value: a Sentry event item, one Raygun body, a session item, an aggregate item, a
client report item, one Raygun timing event. ``refused`` has no value; its facts list what was refused."""

Category = Literal["error", "session", "timing", "other"]
Outcome = Literal["grouped", "duplicate", "filtered", "rate_limited", "dead_lettered"]
Level = Literal["fatal", "error", "warning", "info", "debug"]


class Address(NamedTuple):
    """The permanent address of a raw report: (topic with generation, partition, offset)."""

    topic: str
    partition: int
    offset: int


class Refused(msgspec.Struct, frozen=True, omit_defaults=True):
    """Events of an accepted request that ingest did not keep."""

    category: Category
    outcome: Literal["filtered", "rate_limited"]
    reason: str
    quantity: int = 1


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What ingest recorded of one record: the header ``facts`` of each record on a source topic."""

    project: int
    kind: Kind
    category: Category
    event_id: str
    """32 lower-case hex digits; of a session its id, as sent."""
    received: int
    schema: int = 1
    sent: int | None = None
    """The SDK's ``sent_at``, where it gave one."""
    unique: bool = True
    """False where ingest generated the id: such a record is never a duplicate."""
    rules: int = 1
    """The version of the scrub list that workers apply."""
    grouping: str = "g1"
    normalisation: str = "n1"
    """The version of normalisation that workers apply; records without one are of n1."""
    project_rules: int = 0
    """The version of the project's own rules that workers apply, 0 for none."""
    peer: str = ""
    """The sender's IP address, as the trusted proxies report it."""
    user_agent: str = ""
    content_type: str = "application/json"
    refused: tuple[Refused, ...] = ()


class Frame(msgspec.Struct, omit_defaults=True, gc=False):
    """One frame, as the SDK sent it (not normalised for grouping)."""

    function: str = ""
    module: str = ""
    file: str = ""
    abs_path: str = ""
    line: int | None = None
    column: int | None = None
    in_app: bool | None = None
    """None where the SDK does not send it."""
    package: str = ""
    symbol: str = ""
    address: str = ""
    image: str = ""
    """Where the image of ``address`` is loaded, as sent; native code only."""
    source: str = ""
    """The failing source line, where sent."""
    context: list[tuple[int, str]] = []
    """(line number, text) around the failing line; in a light event only of the innermost three frames of the
    application that have a source line."""
    vars: dict[str, Any] = {}
    """Only in a full event."""


class Raised(msgspec.Struct, omit_defaults=True, gc=False):
    """One exception of a chain; frames are innermost last (Sentry's order), whatever the SDK sent."""

    type: str = ""
    value: str = ""
    module: str = ""
    handled: bool | None = None
    mechanism: str = ""
    synthetic: bool = False
    exception_id: int | None = None
    parent_id: int | None = None
    is_group: bool = False
    thread_id: str = ""
    frames: list[Frame] = []
    registers: dict[str, str] = {}
    """Of the processor at the innermost frame, as sent; native code only."""


class Thread(msgspec.Struct, omit_defaults=True, gc=False):
    """One thread of the process at the time of the crash."""

    id: str = ""
    name: str = ""
    crashed: bool = False
    current: bool = False
    main: bool = False
    frames: list[Frame] = []
    state: str = ""
    """As its run time calls it: RUNNABLE, waiting."""
    registers: dict[str, str] = {}


class Breadcrumb(msgspec.Struct, omit_defaults=True, gc=False):
    """One event of the program before the crash; breadcrumbs are ordered oldest first."""

    time: int | None = None
    type: str = ""
    category: str = ""
    level: str = ""
    message: str = ""
    data: dict[str, Any] = {}


class User(msgspec.Struct, omit_defaults=True, gc=False):
    """The user that the SDK sent; ``identity`` is the first of id, email, username, ip_address ('' for none)."""

    id: str = ""
    email: str = ""
    username: str = ""
    ip_address: str = ""
    name: str = ""
    extra: dict[str, Any] = {}

    @property
    def identity(self) -> str:
        """The text that identifies this user in counts, '' for none."""
        return self.id or self.email or self.username or self.ip_address


class Event(msgspec.Struct, gc=False):
    """One crash or message, whichever protocol brought it: what grouping, search and the event page read.

    A light event (``full=False``) lacks what only a page shows: variables, most source context, breadcrumbs, request,
    extra. Its contexts are as they were sent, of any depth and size.
    """

    event_id: str
    project: int
    kind: Kind
    received: int
    time: int
    """Corrected by sent_at and clamped to [received - 30 days, received + 1 minute]."""
    happened: int | None = None
    """The event's own time as it was sent, None where it has none or cannot be read."""
    sent: int | None = None
    platform: str = "other"
    level: Level = "error"
    logger: str = ""
    message: str = ""
    """The formatted message of an event without exception (or beside one)."""
    template: str = ""
    """The message before its parameters were put in, where the SDK sends it."""
    transaction: str = ""
    release: str = ""
    """'' where there is none (raygun4py's "Not defined" and its like are none)."""
    environment: str = ""
    server: str = ""
    exceptions: list[Raised] = []
    """Causes first, the outermost error last."""
    threads: list[Thread] = []
    fingerprint: list[str] = []
    """The client's own, [] for default (``{{ default }}`` may be among its values)."""
    user: User = msgspec.field(default_factory=User)
    tags: dict[str, str] = {}
    sdk_name: str = ""
    sdk_version: str = ""
    url: str = ""
    user_agent: str = ""
    """The User-Agent of the request, or of the browser that sent the event; '' for neither."""
    unhandled: bool = False
    notes: list[str] = []
    """What normalisation dropped or repaired, for people."""
    request: dict[str, Any] = {}
    breadcrumbs: list[Breadcrumb] = []
    contexts: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    modules: dict[str, str] = {}
    images: list[dict[str, Any]] = []
    """The binaries that the process had loaded, as sent; native code only."""

    @property
    def handled(self) -> bool | None:
        """Whether the application handled the error; None where the SDK does not say."""
        if self.unhandled:
            return False
        return True if any(raised.handled for raised in self.exceptions) else None

    @property
    def is_crash(self) -> bool:
        """Whether this counts as a crash (level error or fatal), not as a message."""
        return self.level in ("error", "fatal")


class Grouped(msgspec.Struct, frozen=True):
    """Which group an event belongs to. Ids are 32 hex digits and follow from project, version and key alone."""

    group: str
    coarse: str
    variant: str
    title: str
    """``Type: message`` for people, at most 200 characters."""
    culprit: str
    """Function and module or file of the frame that decided; '' where unknown."""
    version: str = "g1"
    cause: str = ""
    """``Type: message`` of the exception that decided, where it is not the one of the title; at most 200 characters."""


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of "why it grouped": a part of the event, its normalised value, whether it counted, and why."""

    name: str
    raw: str
    value: str
    counted: bool
    why: str


class Malformed(Exception):
    """A payload that can never be an event: it goes to dead letters.

    ``code`` is short and stable; ``message`` is for people and holds nothing of the payload.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Session(msgspec.Struct, frozen=True):
    """One session update, normalised: ``started`` is corrected like an event's time, ``user`` is the raw ``did``."""

    session_id: str
    status: Literal["ok", "exited", "crashed", "abnormal", "unhandled"]
    started: int
    errors: int
    init: bool
    release: str
    environment: str
    user: str


class SessionCounts(msgspec.Struct, frozen=True):
    """One bucket of a session aggregate: the sessions that started then, counted by how they ended."""

    started: int
    exited: int
    errored: int
    abnormal: int
    crashed: int
    unhandled: int
    release: str
    environment: str
    user: str


TimingKind = Literal["page", "view", "request", "asset", "cached", "custom", "vital"]
"""What was measured: a page, a change of view within one, a request of a program, a resource of a page, one from its
cache, a measurement of the program's own, a web vital (of which CLS is a score, not a time)."""


class Timing(msgspec.Struct, frozen=True):
    """One duration; ``name`` is a path without its variable parts, or the program's own name of the measurement."""

    kind: TimingKind
    name: str
    ms: float


class Timings(msgspec.Struct, frozen=True):
    """The durations of one event; ``time`` is corrected and clamped like an event's."""

    time: int
    release: str
    durations: list[Timing]
    notes: list[str]
