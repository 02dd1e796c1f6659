"""The contract of a search store; one suite of tests runs on every implementation (tests/contract)."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

import msgspec

from app.model import Address
from app.records import EventSummary
from app.stores.search.states import NO_STATES, States


class Document(msgspec.Struct, frozen=True):
    """One event with its searchable fields."""

    address: Address
    summary: EventSummary


def generation_of(topic: str) -> int:
    """Return the generation in a topic's name, 0 where there is none.

    Of an event's documents the one with the greatest (generation, offset) stays.
    """
    head = topic.partition(".")[0]
    return int(head) if head.isascii() and head.isdigit() else 0


class Hits(msgspec.Struct, frozen=True):
    """One page of a search, newest first; ``next`` is the cursor of the following page."""

    documents: list[Document]
    total: int
    next: str | None


class MatchingGroups(msgspec.Struct, frozen=True):
    """The groups of the events that a search finds: id -> events found, the most first.

    ``cut`` where there are more groups, or where not all events were counted.
    """

    events: dict[str, int]
    cut: bool

    @property
    def ids(self) -> list[str]:
        """The groups' ids."""
        return list(self.events)

    def of(self, members: Sequence[str]) -> int:
        """Return the events found of a group, given as the ids of its members."""
        return sum(self.events.get(member, 0) for member in members)


class Search(Protocol):
    """Searches events by words, fields, group and id. All methods raise StoreUnavailable."""

    async def index(self, documents: Sequence[Document]) -> None:
        """Write documents, durable on return and found within a second; idempotent: an event's greatest offset wins."""
        ...

    async def search(
        self,
        project: int,
        query: str,
        start: int,
        end: int,
        *,
        groups: Sequence[str] = (),
        states: States = NO_STATES,
        limit: int = 50,
        cursor: str = "",
    ) -> Hits:
        """Return events of a project with start <= time < end (ms), newest first.

        Args:
            project: Id of the project.
            query: A text in the language of ``app.stores.search.query``.
            start: First time, ms.
            end: End of the times, ms, exclusive.
            groups: Only events of these groups; empty for all.
            states: The groups of each state that the query names by ``is:``.
            limit: Documents of a page, 1 to 1,000.
            cursor: The ``next`` of the page before, "" for the first page.

        Raises:
            ValueError: For a query that is refused, or a cursor that no search returned; the text is for people.
            KeyError: The query names a state that ``states`` lacks.
        """
        ...

    async def by_time(
        self,
        project: int,
        query: str,
        start: int,
        end: int,
        step: int,
        *,
        groups: Sequence[str] = (),
        states: States = NO_STATES,
    ) -> dict[int, int]:
        """Count the events that ``search`` finds by steps of ``step`` ms: start of a step (ms) -> events, if any."""
        ...

    async def groups(
        self, project: int, query: str, start: int, end: int, *, states: States = NO_STATES, limit: int = 1000
    ) -> MatchingGroups:
        """Return the groups of the events that ``search`` finds, ``limit`` (1 to 10,000) at most.

        Groups that were merged later are still apart. Raises as ``search``.
        """
        ...

    async def exists(self, project: int, query: str, start: int, end: int) -> bool:
        """Return whether ``search`` finds any event; cheaper than its total. Raises ValueError as ``search``."""
        ...

    async def event(self, event_id: str, project: int | None = None) -> list[Document]:
        """Return the events of an id, one a project: the newest, where an id came again after a day."""
        ...

    async def facets(
        self, project: int, groups: Sequence[str], start: int, end: int
    ) -> dict[str, list[tuple[str, int]]]:
        """Return the most frequent values of each tag, release, environment, user, browser, OS and device, counted.

        Counts the newest 10,000 events of the groups. Keys that most events have come first.
        """
        ...

    async def retain(self, days: int) -> list[date]:
        """Drop the days received over ``days`` days ago and return them; safe from several processes."""
        ...
