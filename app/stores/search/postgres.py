"""Search in PostgreSQL: full text over the events table, partitioned by the day received (app/migrations/0004)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import structlog

from app.cells import MAX_AGE
from app.postgres import translated
from app.stores.search.contract import Document, Hits, MatchingGroups
from app.stores.search.cursor import Cursor, cursor_after, read_cursor
from app.stores.search.days import DAY_MS, day_of, drop_days, make_days
from app.stores.search.query import parse, tsquery
from app.stores.search.rows import INSERT, EventRow, columns, document_of, newest
from app.stores.search.states import NO_STATES, States, group_filter
from app.stores.search.text import storable

if TYPE_CHECKING:
    from app.postgres import Connection, Pool

STORE: Final = "search"
BULK: Final = 500
"""Documents inserted by one statement: with texts of at most 8 KiB each some MB of parameters."""

MAX_LIMIT: Final = 1000
TOTAL_CAP: Final = 1_000_000
"""Totals are exact up to this and stop there: counting more takes longer than people wait."""

MAX_GROUPS: Final = 10_000
FACET_EVENTS: Final = 10_000
"""Facets count this many events of a group, the newest."""

FACET_KEYS: Final = 60
FACET_VALUES: Final = 10
SECONDS: Final = 15
"""PostgreSQL cancels a search that takes longer, so that it cannot hold a connection."""

_PAGE: Final = 'select topic, partition, "offset", found from events where {where}'
_NEWEST: Final = ' order by time desc, topic desc, partition desc, "offset" desc limit {limit}'
_TOTAL: Final = "select count(*) from (select 1 from events where {where} limit {cap}) as matching"
_BY_TIME: Final = """
select time / {step} * {step} as start, count(*) as events
from (select time from events where {where} limit {cap}) as matching group by 1"""
_GROUPS: Final = """
select grp, count(*) as events from (select grp from events where {where} limit {cap}) as matching
group by grp order by events desc, grp limit {limit}"""
_EXISTS: Final = "select exists(select from events where {where})"
_EVENT: Final = """
select distinct on (project) topic, partition, "offset", found from events
where event_id = $1 and ($2::bigint is null or project = $2) order by project, day desc"""
_FACETS: Final = """
with recent as materialized (select facets from events where {where} order by time desc limit {events}),
counted as (select key, value, count(*) as times from recent, jsonb_each_text(facets) group by key, value),
ranked as (select *, sum(times) over (partition by key) as present,
  row_number() over (partition by key order by times desc, value) as place from counted)
select key, value, times from ranked where place <= {values} order by present desc, key, place"""

_log: Final = structlog.get_logger(__name__)


class PostgresSearch:
    """``app.stores.search.contract.Search`` over a pool of connections to a migrated database."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._days: set[date] = set()

    async def index(self, documents: Sequence[Document]) -> None:
        """Write documents, durable and found on return; of one event and day the greatest offset stays."""
        with translated(STORE):
            async with self._pool.acquire() as connection:
                for start in range(0, len(documents), BULK):
                    rows = await asyncio.to_thread(
                        newest, documents[start : start + BULK]
                    )  # CPU-bound; other roles share the loop
                    await self._insert(connection, rows)

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
        """Return events with start <= time < end (ms), newest first.

        Raises ValueError, with a text for people, for a query that is refused or a cursor that no search returned.
        """
        where = _matching(project, query, start, end, groups, states)
        limit = min(max(limit, 1), MAX_LIMIT)
        total_query, total_values = _TOTAL.format(where=where.text, cap=TOTAL_CAP), list(where.values)
        if cursor:
            _after(where, read_cursor(cursor))
        page_query = (_PAGE + _NEWEST).format(where=where.text, limit=limit + 1)
        async with self._reading() as connection:
            rows = await connection.fetch(page_query, *where.values)
            is_all = not cursor and len(rows) <= limit
            total = len(rows) if is_all else await connection.fetchval(total_query, *total_values)
        documents = [document_of(row) for row in rows[:limit]]
        return Hits(documents, total, cursor_after(documents[-1]) if len(rows) > limit else None)

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
        """Count the events that ``search`` finds, ``TOTAL_CAP`` at most, by steps of ``step`` ms."""
        where = _matching(project, query, start, end, groups, states)
        async with self._reading() as connection:
            counted = _BY_TIME.format(where=where.text, cap=TOTAL_CAP, step=int(step))
            return {row["start"]: row["events"] for row in await connection.fetch(counted, *where.values)}

    async def groups(
        self, project: int, query: str, start: int, end: int, *, states: States = NO_STATES, limit: int = 1000
    ) -> MatchingGroups:
        """Return the groups of the events that ``search`` finds; of more than ``TOTAL_CAP`` events some only."""
        where, limit = _matching(project, query, start, end, (), states), min(max(limit, 1), MAX_GROUPS)
        counted = _GROUPS.format(where=where.text, cap=TOTAL_CAP, limit=limit + 1)
        async with self._reading() as connection:
            rows = await connection.fetch(counted, *where.values)
        cut = len(rows) > limit or sum(row["events"] for row in rows) >= TOTAL_CAP
        return MatchingGroups({row["grp"]: row["events"] for row in rows[:limit]}, cut)

    async def exists(self, project: int, query: str, start: int, end: int) -> bool:
        """Return whether ``search`` finds any event. Raises ValueError for a query that is refused."""
        where = _matching(project, query, start, end)
        async with self._reading() as connection:
            return bool(await connection.fetchval(_EXISTS.format(where=where.text), *where.values))

    async def event(self, event_id: str, project: int | None = None) -> list[Document]:
        """Return the events of an id, one a project: the newest, where the id came again after a day."""
        name = storable(event_id.strip().lower().replace("-", ""))
        with translated(STORE):
            return [document_of(row) for row in await self._pool.fetch(_EVENT, name, project)]

    async def facets(
        self, project: int, groups: Sequence[str], start: int, end: int
    ) -> dict[str, list[tuple[str, int]]]:
        """Return the 10 most frequent values of each facet (``app.stores.search.lexemes``) of some groups' events.

        Counts the newest 10,000 events. Keys that most events have come first.
        """
        where = _matching(project, "", start, end, groups)
        query = _FACETS.format(where=where.text, events=FACET_EVENTS, values=FACET_VALUES)
        facets: dict[str, list[tuple[str, int]]] = {}
        async with self._reading() as connection:
            for row in await connection.fetch(query, *where.values):
                if row["key"] in facets or len(facets) < FACET_KEYS:
                    facets.setdefault(row["key"], []).append((row["value"], row["times"]))
        return facets

    async def retain(self, days: int) -> list[date]:
        """Drop the days received over ``days`` days ago and return them; safe from several processes."""
        with translated(STORE):
            async with self._pool.acquire() as connection:
                dropped = await drop_days(connection, days)
        self._days -= set(dropped)
        return dropped

    async def _insert(self, connection: "Connection", rows: list[EventRow]) -> None:
        days = {row.day for row in rows}
        if days - self._days:
            await make_days(connection, days)
            self._days |= days
        try:
            await connection.execute(INSERT, *columns(rows))
        except asyncpg.CheckViolationError:  # another process dropped a day: there is no partition for its rows
            self._days.clear()
            await make_days(connection, days)
            await connection.execute(INSERT, *columns(rows))
        except (asyncpg.DataError, asyncpg.ProgramLimitExceededError) as error:
            await self._insert_apart(connection, rows, error)

    async def _insert_apart(self, connection: "Connection", rows: list[EventRow], error: Exception) -> None:
        """Insert row by row; one whose words PostgreSQL refuses without them: it is found by id, group and time."""
        if len(rows) > 1:
            for row in rows:
                await self._insert(connection, [row])
            return
        (row,) = rows
        if not row.words:
            raise error
        _log.error("search_words_refused", event_id=row.event_id, project=row.project, error=type(error).__name__)
        await self._insert(connection, [row._replace(words="", facets="{}")])

    @asynccontextmanager
    async def _reading(self) -> "AsyncIterator[Connection]":
        """Open a read-only transaction whose plans depend on the parameters: on whether a word is rare, say."""
        with translated(STORE):
            async with self._pool.acquire() as connection, connection.transaction(readonly=True):
                await connection.execute(
                    f"set local plan_cache_mode = force_custom_plan; set local statement_timeout = '{SECONDS}s'"
                )
                yield connection


class _Conditions:
    """The conditions of a query with the values of their parameters, which are numbered in the order of adding."""

    def __init__(self) -> None:
        self._conditions: list[str] = []
        self.values: list[Any] = []

    @property
    def text(self) -> str:
        """The conditions as SQL; values are parameters."""
        return " and ".join(self._conditions)

    def add(self, condition: str, *values: Any) -> None:  # noqa: ANN401  whatever SQL takes
        """Add a condition; each ``{}`` in it is the parameter of one value."""
        names = [f"${len(self.values) + number}" for number in range(1, len(values) + 1)]
        self._conditions.append(condition.format(*names))
        self.values += values


def _matching(
    project: int, query: str, start: int, end: int, groups: Sequence[str] = (), states: States = NO_STATES
) -> _Conditions:
    """Return the conditions of a project's events with start <= time < end (ms); no groups are all groups."""
    where = _Conditions()
    where.add("project = {}", project)
    where.add("time >= {} and time < {}", start, end)
    # An event's time lies in [received - 30 days, received + 1 minute]: partitions of other days are not read.
    where.add("day between {} and {}", day_of(start - DAY_MS), day_of(end + MAX_AGE * 1000 + DAY_MS))
    terms = parse(query)
    if words := tsquery(terms):
        where.add("words @@ {}::text::tsquery", words)
    for term in terms:
        if term.field == "is":
            of_state = group_filter(term, states)
            condition = "grp <> all({}::text[])" if of_state.without else "grp = any({}::text[])"
            where.add(condition, [storable(group) for group in of_state.ids])
    if groups:
        where.add("grp = any({}::text[])", [storable(group) for group in groups])
    return where


def _after(where: _Conditions, last: Cursor) -> None:
    """Restrict to the documents behind one, in the order of pages; the first condition lets the index be used."""
    where.add("time <= {}", last.time)
    values = (last.time, last.topic, last.partition, last.offset)
    where.add('(time, topic, partition, "offset") < ({}, {}, {}, {})', *values)
