"""What search is to the rest of Faultline; one suite of tests runs on every implementation."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

import msgspec

from app.model import Address
from app.records import EventSummary


class Document(msgspec.Struct, frozen=True):
    """One event as search knows it."""

    address: Address
    summary: EventSummary


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
