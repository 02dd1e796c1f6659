"""Housekeeping deletes old data, on a real PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from app.cells import DAY, HOUR, LATENESS, MINUTE
from app.log.postgres.log import PostgresLog
from app.log.postgres.retention import child_name
from app.runtime import housekeeping
from app.runtime.housekeeping import LOCK, Housekeeping, ages, keeping
from app.settings import Settings
from app.stores.search.postgres import PostgresSearch
from tests.support.documents import document

NOW = int(time.time())


@pytest.fixture
async def pool(database: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    async with asyncpg.create_pool(database, min_size=0, max_size=2) as pool:
        yield pool


async def window(pool: "asyncpg.Pool[asyncpg.Record]", size: int, days: float, release: str = "") -> None:
    start = int(NOW - days * DAY)
    await pool.execute(
        "insert into windows values (1, 'c', '', $1, $2, $3, 1, 0, '{}', null)", release, size, start - start % size
    )


async def left(pool: "asyncpg.Pool[asyncpg.Record]") -> set[tuple[int, int]]:
    rows = await pool.fetch("select size, start from windows")
    return {(row["size"], (NOW - row["start"]) // DAY) for row in rows}


async def test_old_small_windows_are_deleted_and_days_are_kept(
    pool: "asyncpg.Pool[asyncpg.Record]", database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "CHUNK", 2)
    for size in (MINUTE, HOUR, DAY):
        for days in (1, 89, 91, 399, 401):
            await window(pool, size, days)
    await window(pool, MINUTE, 91, "1.0")
    await window(pool, MINUTE, 91, "2.0")
    async with PostgresLog(database) as log:
        assert await Housekeeping(Settings(), pool, log, PostgresSearch(pool)).once()
    assert await left(pool) == (
        {(MINUTE, 1), (MINUTE, 89)} | {(HOUR, days) for days in (1, 89, 91, 399)}
        | {(DAY, days) for days in (1, 89, 91, 399, 401)}
    )  # fmt: skip


def test_no_window_is_deleted_that_a_record_in_the_log_may_still_change() -> None:
    settings = Settings(minute_days=1, hour_days=1, retention_days=7)
    for size, age in ages(settings).items():
        assert age > settings.retention_days * DAY + LATENESS[size]


async def test_one_process_at_a_time(pool: "asyncpg.Pool[asyncpg.Record]", database: str) -> None:
    await window(pool, MINUTE, 100)
    async with PostgresLog(database) as log, pool.acquire() as other:
        await other.execute("select pg_advisory_lock($1)", LOCK)
        assert not await Housekeeping(Settings(), pool, log, PostgresSearch(pool)).once()
    assert await left(pool) == {(MINUTE, 100)}


async def test_it_runs_beside_a_role_and_continues_after_errors(
    pool: "asyncpg.Pool[asyncpg.Record]", database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "EVERY_SECONDS", 0.05)
    old = (datetime.now(UTC) - timedelta(days=9)).date()
    await pool.execute(
        f"create table {child_name(old)} partition of log_records for values from ('{old}') to ('{old + timedelta(1)}')"
    )
    await pool.execute("alter table windows rename to away")
    async with PostgresLog(database) as log, keeping(Settings(database=database), log):
        while await pool.fetchval("select to_regclass($1)", child_name(old)):
            await asyncio.sleep(0.02)
        await pool.execute("alter table away rename to windows")
        await pool.execute("insert into sign_in_codes values ('x', now() - interval '2 days', null)")
        while await pool.fetchval("select count(*) from sign_in_codes"):
            await asyncio.sleep(0.02)


async def test_days_of_search_are_dropped(pool: "asyncpg.Pool[asyncpg.Record]", database: str) -> None:
    search = PostgresSearch(pool)
    await search.index([document(1)])
    assert await pool.fetchval("select count(*) from events") == 1
    async with PostgresLog(database) as log:
        await Housekeeping(Settings(search_days=1), pool, log, search).once()
    assert await pool.fetchval("select count(*) from events") == 0
