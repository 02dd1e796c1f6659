"""What the stores are to the rest of Faultline. Each contract has one suite of tests, run on every implementation."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any, NamedTuple, Protocol

import msgspec

from app.model import Address
from app.records import Found, Stored


class StoreUnavailable(Exception):
    """A store does not answer or refuses for now: back off and try again; nothing is lost by waiting."""


class Blobs(Protocol):
    """A place for objects: a folder or an S3 bucket. Names are relative, with ``/``."""

    async def put(self, name: str, data: bytes) -> None:
        """Write a whole object, durable and visible at once or not at all; an existing one is replaced."""
        ...

    async def get(self, name: str, start: int, length: int) -> bytes:
        """Read a range. Raises FileNotFoundError."""
        ...

    async def size(self, name: str) -> int:
        """Give an object's bytes. Raises FileNotFoundError."""
        ...

    def list(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names that start with ``prefix``, in order."""
        ...

    async def delete(self, name: str) -> None:
        """Delete an object; one that is not there is no error."""
        ...

    async def ping(self) -> None:
        """Ask whether it answers and would take objects, as cheaply as can be. Raises StoreUnavailable."""
        ...


class Archive(Protocol):
    """The file server's reading side."""

    async def read(self, address: Address) -> Stored | None:
        """Give the report at an address by one ranged read, None where the archive does not have it (yet)."""
        ...


class Document(msgspec.Struct, frozen=True):
    """One event as search knows it."""

    address: Address
    found: Found


class Hits(msgspec.Struct, frozen=True):
    """One page of a search, newest first; ``next`` is the cursor of the following page."""

    documents: list[Document]
    total: int
    next: str | None


class Search(Protocol):
    """Events by words, fields, group and id."""

    async def index(self, documents: Sequence[Document]) -> None:
        """Make documents findable within a second, durable on return; idempotent, an event's greatest offset wins."""
        ...

    async def search(
        self,
        project: int,
        query: str,
        start: int,
        end: int,
        *,
        groups: Sequence[str] = (),
        limit: int = 50,
        cursor: str = "",
    ) -> Hits:
        """Find events of a project with start <= time < end (ms). Raises ValueError for a query it cannot read."""
        ...

    async def by_time(
        self, project: int, query: str, start: int, end: int, step: int, *, groups: Sequence[str] = ()
    ) -> dict[int, int]:
        """Count what ``search`` finds by steps of ``step`` ms: start (ms, a multiple of ``step``) -> events, if any."""
        ...

    async def event(self, event_id: str, project: int | None = None) -> list[Document]:
        """Give the events of this id (one a project, the newest where an id came again after a day)."""
        ...

    async def facets(
        self, project: int, groups: Sequence[str], start: int, end: int
    ) -> dict[str, list[tuple[str, int]]]:
        """Give the most frequent values of each tag, release, environment and user of a group's events."""
        ...

    async def retain(self, days: int) -> list[date]:
        """Drop what was received over ``days`` days ago, and give the days; safe from several processes."""
        ...


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
    """Resolved in the next release only (``app.stores.standing``)."""
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
