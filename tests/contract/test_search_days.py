"""The days of the events table in PostgreSQL: created when needed, dropped when old, by several processes at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from app.stores.search.days import day_of
from app.stores.search.postgres import PostgresSearch
from tests.support.documents import document

DAY = 86_400_000
DAYS = "select count(*) from pg_inherits where inhparent = 'events'::regclass"


@pytest.fixture
async def pool(database: str) -> AsyncIterator["asyncpg.Pool"]:
    async with asyncpg.create_pool(database, min_size=0, max_size=6) as pool:
        yield pool


async def now(pool: "asyncpg.Pool") -> int:
    moment: datetime = await pool.fetchval("select now()")
    return int(moment.timestamp() * 1000)


async def test_old_days_are_dropped_and_created_again_when_needed(pool: "asyncpg.Pool") -> None:
    search, today = PostgresSearch(pool), await now(pool)
    documents = [document(back, received=today - back * DAY, time=today - back * DAY) for back in range(12)]
    await search.index(documents)
    other = PostgresSearch(pool)
    await other.index(documents[:1])
    dropped = await search.retain(7)
    assert dropped == [day_of(today - back * DAY) for back in range(11, 7, -1)]
    assert (await search.search(1, "", today - 20 * DAY, today + 1)).total == 8
    assert await search.retain(7) == []
    await other.index(documents[-1:])
    assert (await other.search(1, "", today - 20 * DAY, today + 1)).total == 9


async def test_a_day_that_another_process_dropped_is_created_again(pool: "asyncpg.Pool") -> None:
    search, today = PostgresSearch(pool), await now(pool)
    old = document(1, received=today - 9 * DAY, time=today - 9 * DAY)
    await search.index([old])
    await PostgresSearch(pool).retain(7)
    await search.index([old])
    assert await search.event(old.summary.event_id) == [old]


async def test_several_processes_create_the_same_days_at_once(pool: "asyncpg.Pool") -> None:
    today = await now(pool)
    documents = [document(at, received=today - at % 5 * DAY) for at in range(100)]
    await asyncio.gather(*(PostgresSearch(pool).index(documents) for _ in range(6)))
    assert await pool.fetchval(DAYS) == 5
    assert await pool.fetchval("select count(*) from events") == 100


async def test_an_event_whose_words_are_refused_is_found_by_its_id(
    pool: "asyncpg.Pool", monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_much(summary: object) -> str:
        assert summary
        return " ".join(f"'{at:060d}'" for at in range(20_000))

    monkeypatch.setattr("app.stores.search.rows.vector", too_much)
    search = PostgresSearch(pool)
    await search.index([document(1), document(2)])
    assert len(await search.event(f"{2:032x}")) == 1
    assert (await search.search(1, "", 0, 2**60)).total == 2


def test_days_of_received_times() -> None:
    assert day_of(0) == datetime(1970, 1, 1, tzinfo=UTC).date()
    assert day_of(DAY - 1) + timedelta(days=1) == day_of(DAY)
    assert (day_of(-1).year, day_of(2**63).year) == (1970, 9999)
