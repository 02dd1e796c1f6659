"""Query parameters as types: read from the query string, and described in ``openapi.json``, by these. Pure.

What cannot be read is a 400 with the code ``bad_<parameter>`` (``bad_time`` for ``from`` and ``to``). An empty
parameter counts as absent.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from app.cells import DAY, HOUR, MINUTE
from app.model import Level, TimingKind
from app.web.errors import bad_request

Sort = Literal["last_seen", "first_seen", "count", "users", "rate", "growth"]
Status = Literal["open", "resolved", "ignored", "regressed", "all"]
Handled = Literal["true", "false", "unknown"]
Window = Literal["1m", "1h", "1d"]
WINDOWS: Final[dict[Window, int]] = {"1m": MINUTE, "1h": HOUR, "1d": DAY}
"""Seconds of each window."""
MAX_POINTS: Final = 50_000
"""Windows of one reply at most: 34 days of minutes."""
MAX_LIMIT: Final = 200
DEFAULT_LIMIT: Final = 50
DEFAULT_HOURS: Final = 24
LONGEST: Final = 40
"""Characters of a time that are read."""
LATEST: Final = 4_102_444_800_000
"""The year 2100, ms: later times are cut to it, so that no sum overflows a store's integers."""
MAX_ID: Final = 2**63 - 1
MAX_VERSION: Final = 2**31 - 1


class Range(NamedTuple):
    """A half-open range of time, ms since the epoch."""

    start: int
    end: int

    def outward(self, size: int) -> "Range":
        """Round outward to windows of ``size`` seconds."""
        step = size * 1000
        return Range(self.start - self.start % step, self.end + -self.end % step)


class Moment(int):
    """A time of a query, ms since the epoch."""

    __slots__ = ()


class Limit(int):
    """The rows of one page."""

    __slots__ = ()


class ProjectId(int):
    """The number of a project."""

    __slots__ = ()


class VersionNumber(int):
    """The number of a version of a project's rules."""

    __slots__ = ()


class RangeQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A range of event time."""

    start: Annotated[
        Moment | UnsetType,
        Meta(
            description="ISO-8601, or seconds since the epoch. The range is half-open and rounded outward to windows "
            "that are still kept. Default: 24 h before `to`."
        ),
    ] = field(name="from", default=UNSET)
    end: Annotated[Moment | UnsetType, Meta(description="ISO-8601, or seconds since the epoch. Default: now.")] = field(
        name="to", default=UNSET
    )

    def range(self, now: int, *, hours: int = DEFAULT_HOURS) -> Range:
        """Return the range; the last ``hours`` before its end, or ``now`` (ms), by default. Raises 400."""
        end = now if self.end is UNSET else int(self.end)
        start = end - hours * HOUR * 1000 if self.start is UNSET else int(self.start)
        if start >= end:
            raise bad_request("bad_range", "from must be before to.")
        return Range(max(start, 0), end)


PageLimit = Annotated[
    Limit, Meta(description=f"1 to {MAX_LIMIT}, by default {DEFAULT_LIMIT}; a larger number is capped.")
]
Cursor = Annotated[str, Meta(description="The `next` of an earlier reply.")]
Words = Annotated[
    str,
    Meta(description='Words, "phrases", -not, field:value, is:state; API.md, "Searching". No word but signs is a 400.'),
]
Release = Annotated[str, Meta(description="Only this release.")]
Environment = Annotated[str, Meta(description="Only this environment.")]


class SearchQuery(RangeQuery, frozen=True, kw_only=True):
    """A search for events: words and fields, within a range."""

    q: Words = ""
    limit: PageLimit = field(default_factory=partial(Limit, DEFAULT_LIMIT))
    cursor: Cursor = ""


class GroupsQuery(RangeQuery, frozen=True, kw_only=True):
    """One page of a project's groups."""

    q: Annotated[
        str, Meta(description="Only groups with an event of the range that this search finds, at most 5,000 of them.")
    ] = ""
    release: Release = ""
    environment: Annotated[
        str, Meta(description="Only groups with an event of the range in this environment, as the search finds them.")
    ] = ""
    status: Annotated[
        Status | UnsetType,
        Meta(description="Only groups of this status; `open` includes regressed ones, `all` is the default."),
    ] = UNSET
    level: Annotated[Level | UnsetType, Meta(description="Only groups of this level.")] = UNSET
    handled: Annotated[
        Handled | UnsetType,
        Meta(
            description="Only groups with an unhandled crash (false), with handled ones alone (true), or of which no "
            "SDK says so (unknown); by all of their events."
        ),
    ] = UNSET
    sort: Annotated[
        Sort,
        Meta(
            description="`rate` is the number of events in the last 5 minutes of the range; `growth` compares with the "
            "equally long range before."
        ),
    ] = "last_seen"
    limit: PageLimit = field(default_factory=partial(Limit, DEFAULT_LIMIT))
    cursor: Cursor = ""


class RatesQuery(RangeQuery, frozen=True, kw_only=True):
    """Counts by window."""

    window: Annotated[
        Window | UnsetType,
        Meta(description="Default: by the length of the range. The reply's is larger where this size is kept no more."),
    ] = UNSET
    group: Annotated[
        str, Meta(description="Only this group. No windows are kept of a group in one environment: both are a 400.")
    ] = ""
    release: Release = ""
    environment: Environment = ""


class ReleasesQuery(RangeQuery, frozen=True, kw_only=True):
    """Releases of a range."""

    environment: Environment = ""


class TimingsQuery(RangeQuery, frozen=True, kw_only=True):
    """Page and request timings."""

    release: Release = ""
    kind: Annotated[TimingKind | UnsetType, Meta(description="Only this kind.")] = UNSET
    limit: Annotated[Limit, Meta(description=f"1 to {MAX_LIMIT}, the default; a larger number is capped.")] = field(
        default_factory=partial(Limit, MAX_LIMIT)
    )


class LedgerQuery(RangeQuery, frozen=True, kw_only=True):
    """The ledger of all projects, or of one."""

    project: Annotated[ProjectId | UnsetType, Meta(description="Only this project.")] = UNSET


class RulesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a project's rules."""

    version: Annotated[VersionNumber | UnsetType, Meta(description="Default: the newest.")] = UNSET


class EventQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One event by its id."""

    project: Annotated[
        ProjectId | UnsetType, Meta(description="The event's project; needed where several have an event of this id.")
    ] = UNSET


Query = TypeVar("Query", bound=msgspec.Struct)


def read(kind: type[Query], query: Mapping[str, str]) -> Query:
    """Read a query string as ``kind``. Raises 400."""
    values: dict[str, Any] = {}
    for parameter in msgspec.structs.fields(kind):
        if text := query.get(parameter.encode_name):
            try:
                values[parameter.name] = msgspec.convert(text, parameter.type, strict=False, dec_hook=_decode)
            except msgspec.ValidationError as error:
                name = parameter.encode_name
                raise bad_request(f"bad_{name}", f"{name} is one of: {', '.join(_choices(parameter.type))}.") from error
    return kind(**values)


def or_empty(value: str | UnsetType) -> str:
    """Return a parameter's value, '' where it was not sent."""
    return "" if value is UNSET else value


def status_of(query: GroupsQuery) -> str:
    """Return the status that groups must have, '' for any."""
    status = or_empty(query.status)
    return "" if status == "all" else status


def moment(text: str) -> Moment:
    """Read an ISO-8601 time (UTC where it names no zone) or seconds since the epoch, as ms. Raises 400."""
    try:
        text = text[:LONGEST]
        if text.replace(".", "", 1).isascii() and text.replace(".", "", 1).isdigit() and len(text) > len("20260101"):
            return Moment(min(int(float(text) * 1000), LATEST))
        # A plus sign that a client forgot to escape arrives as a blank.
        when = datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text.strip())
    except ValueError as error:
        raise bad_request("bad_time", "from and to are ISO-8601 times such as 2026-01-31T14:00:00Z.") from error
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return Moment(min(max(round(when.timestamp() * 1000), 0), LATEST))


def whole_number(text: str) -> int | None:
    """Return a number of at most 63 bits; None for anything else."""
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(MAX_ID)) or int(text) > MAX_ID:
        return None
    return int(text)


def window_for(span: Range) -> Window:
    """Return the window that suits a range: about 700 points at most."""
    hours = (span.end - span.start) / 1000 / HOUR
    return "1m" if hours <= 12 else "1h" if hours <= 24 * 14 else "1d"  # noqa: PLR2004  explained above


def check_points(window: Window, span: Range) -> None:
    """Refuse a range of more windows than one reply may hold. Raises 400."""
    if (span.end - span.start) / 1000 / WINDOWS[window] > MAX_POINTS:
        raise bad_request(
            "range_too_long", f"At most {MAX_POINTS} windows in a reply: choose a larger window or a shorter range."
        )


def _limit(text: str) -> Limit:
    if not (text.isascii() and text.isdigit()) or int(text[:9]) < 1:
        raise bad_request("bad_limit", "limit is a number from 1.")
    return Limit(min(int(text[:9]), MAX_LIMIT))


def _project(text: str) -> ProjectId:
    number = whole_number(text)
    if number is None:
        raise bad_request("bad_project", "project is a number.")
    return ProjectId(number)


def _version(text: str) -> VersionNumber:
    number = whole_number(text)
    if number is None or number > MAX_VERSION:
        raise bad_request("bad_version", "version is a number.")
    return VersionNumber(number)


_READERS: Final[dict[type, Callable[[str], int]]] = {
    Moment: moment,
    Limit: _limit,
    ProjectId: _project,
    VersionNumber: _version,
}
SCHEMAS: Final[dict[type, dict[str, Any]]] = {
    Moment: {"type": "string", "format": "date-time"},
    Limit: {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT},
    ProjectId: {"type": "integer"},
    VersionNumber: {"type": "integer", "minimum": 0},
}
"""The JSON schema of each type of parameter that JSON does not know."""


def _decode(kind: type, text: str) -> int:
    return _READERS[kind](text)


def _choices(kind: Any) -> list[str]:  # noqa: ANN401  a type
    """Return the values of the Literal that a parameter's type holds."""
    inner = get_args(kind)
    if not inner:
        return []
    if all(isinstance(value, str) for value in inner):
        return list(inner)
    return [choice for part in inner for choice in _choices(part)]
