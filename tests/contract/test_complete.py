"""How far the numbers are complete, and the ledger, on the real log and the real store."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

from app.cells import MINUTE, SKEW, Cell, home
from app.log.contract import NewRecord, TopicSpec
from app.log.lag import complete_until, lag
from app.log.postgres.commits import commit_offsets
from app.log.postgres.log import PostgresLog
from app.model import Facts, Refused
from app.records import Delta, Entry, encode_delta, encode_facts
from app.stores.aggregates.store import Aggregates
from app.stores.aggregates.types import LedgerMinute, LedgerQuery, LostQuantity
from app.topics import CRASHES, DELTAS, FACTS, PROCESSED, SESSIONS, TIMINGS
from tables.fold import Fold

NOW = 1_700_006_400_000
MINUTE_MS = MINUTE * 1000


@pytest.fixture
async def log(database: str) -> AsyncIterator[PostgresLog]:
    async with PostgresLog(database) as opened:
        await opened.ensure([TopicSpec(f"1.{name}", 2) for name in (CRASHES, SESSIONS, TIMINGS, DELTAS, PROCESSED)])
        yield opened


@pytest.fixture
async def pool(database: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    async with asyncpg.create_pool(database, min_size=1, max_size=2) as opened:
        yield opened


def event(topic: str, stamp: int, facts: Facts | None = None) -> NewRecord:
    facts = facts or Facts(7, "sentry", "error", "e", stamp)
    return NewRecord(f"1.{topic}", 0, b"k", b"v", {FACTS: encode_facts(facts)}, stamp)


def delta(stamp: int, entries: Sequence[Entry] = (), a: int = 0, b: int = 0) -> NewRecord:
    value = encode_delta(Delta(1, "1.crashes", 0, a, b, stamp, list(entries), {}, {}))
    return NewRecord("1.deltas", 1, None, value, {}, stamp)


async def commit(pool: "asyncpg.Pool[asyncpg.Record]", role: str, topic: str, offsets: dict[int, int]) -> None:
    async with pool.acquire() as connection:
        await commit_offsets(connection, f"faultline-{role}", f"1.{topic}", offsets)


async def test_everything_committed_is_complete_to_now(log: PostgresLog, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    assert await complete_until(log, 1, NOW) == NOW
    await log.append([event(CRASHES, NOW - 9000)])
    assert await complete_until(log, 1, NOW) == NOW - 9000 - SKEW * 1000
    await commit(pool, "crashes", CRASHES, {0: 1})
    assert await complete_until(log, 1, NOW) == NOW


async def test_the_oldest_of_all_stages_counts(log: PostgresLog, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    await log.append([event(CRASHES, NOW - 3000), event(CRASHES, NOW - 2000), event(SESSIONS, NOW - 5000)])
    assert await complete_until(log, 1, NOW) == NOW - 5000 - SKEW * 1000
    await commit(pool, "crashes", CRASHES, {0: 1})
    await commit(pool, "sessions", SESSIONS, {0: 1})
    assert await complete_until(log, 1, NOW) == NOW - 2000 - SKEW * 1000
    await commit(pool, "crashes", CRASHES, {0: 2})
    await log.append([delta(NOW - 1000, [Entry(0, {"crashes": 1})])])
    assert await complete_until(log, 1, NOW) == NOW - 1000 - SKEW * 1000
    await commit(pool, "rates", DELTAS, {1: 1})
    assert await complete_until(log, 1, NOW) == NOW
    await log.append([event(TIMINGS, NOW - 4000)])
    assert await complete_until(log, 1, NOW) == NOW - 4000 - SKEW * 1000


async def test_deltas_that_add_nothing_hold_nothing_up(log: PostgresLog) -> None:
    await log.append([delta(NOW - 7000 + i, a=1, b=0) for i in range(250)])
    assert await complete_until(log, 1, NOW) == NOW
    await log.append([delta(NOW - 50, [Entry(0, {"crashes": 1})])])
    assert await complete_until(log, 1, NOW) == NOW - 50 - SKEW * 1000
    rates = next(stage for stage in await lag(log, 1) if stage.role == "rates")
    assert (rates.records, rates.oldest) == (251, NOW - 50)


class Overtaken(PostgresLog):
    """While the sources' commits are read, the first event moves on from its source to ``deltas``."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    moved = False

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Return the commits after the agent has moved the event on."""
        if group == "faultline-crashes" and not self.moved:
            self.moved = True
            await self.append([delta(NOW - 1000, [Entry(0, {"crashes": 1})])])
            await commit(self.pool, "crashes", CRASHES, {0: 1})
        return await super().committed(group, topic)


async def test_what_moves_on_between_the_looks_is_seen(
    database: str, log: PostgresLog, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    """Reading ``deltas`` first would answer complete with 1 acknowledged and 0 counted."""
    await log.append([event(CRASHES, NOW - 1000)])
    async with Overtaken(database) as overtaken:
        overtaken.pool = pool
        assert await complete_until(overtaken, 1, NOW) == NOW - 1000 - SKEW * 1000


async def test_lag_of_each_role(log: PostgresLog, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    await log.append([event(CRASHES, NOW - i) for i in (3, 2, 1)])
    await commit(pool, "crashes", CRASHES, {0: 1})
    stages = {stage.role: stage for stage in await lag(log, 1)}
    assert (stages["crashes"].records, stages["crashes"].oldest) == (2, NOW - 2)
    assert list(stages) == ["crashes", "sessions", "timings", "rates", "archive", "search"]
    assert (stages["archive"].records, stages["archive"].oldest) == (0, None)


async def test_the_ledger_balances_while_records_are_in_flight(
    log: PostgresLog, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    refused = Facts(7, "refused", "other", "r", NOW, refused=(Refused("error", "filtered", "span", 5),))
    await log.append(
        [
            event(CRASHES, NOW),
            event(CRASHES, NOW),
            event(CRASHES, NOW + MINUTE_MS),
            event(CRASHES, NOW, Facts(8, "sentry", "error", "e", NOW)),
            event(SESSIONS, NOW, refused),
            NewRecord("1.crashes", 1, None, b"v", {}, NOW),
        ]
    )
    store = Aggregates(pool)
    assert _short(await store.ledger(asked(1))) == []
    before = _short(await store.ledger(asked(1), log=log))
    assert before == [(0, "error", 5 + 2 + 1 + 1, 5 + 2 + 1 + 1, 0, 0)]
    await _count(store, {"grouped": 1, "lost:queue_overflow": 4}, {"duplicate": 1})
    assert _short(await store.ledger(asked(1, 7), log=log)) == [(0, "error", 7, 5, 1, 1)]
    assert _short(await store.ledger(asked(MINUTE_MS + 1, 7), log=log))[1] == (1, "error", 1, 1, 0, 0)
    assert _short(await store.ledger(asked(1, 8), log=log)) == [(0, "error", 1, 1, 0, 0)]
    row = (await store.ledger(asked(1, 7), log=log))[0]
    assert row.lost == [LostQuantity("queue_overflow", "error", 4, by_choice=False)]
    assert row.start == "2023-11-15T00:00:00Z"


async def _count(store: Aggregates, *outcomes: dict[str, int]) -> None:
    """Count the first records of ``crashes``/0 as project 7's, on the partition of its ledger cell."""
    cell = Cell("l", 7, "error").key()
    entries = [Entry(offset, counts) for offset, counts in enumerate(outcomes)]
    windows = {cell: [(MINUTE, NOW // 1000, list(range(len(entries))))]}
    fold = Fold(1, {})
    fold.take(0, Delta(1, "1.crashes", 0, 0, len(entries) - 1, NOW, entries, windows, {}))
    await store.flush("1.deltas", home(cell, 2), fold, {})


def asked(length: int, *projects: int) -> LedgerQuery:
    return LedgerQuery(start_ms=NOW, end_ms=NOW + length, projects=projects or None)


def _short(minutes: list[LedgerMinute]) -> list[tuple[Any, ...]]:
    names = ("category", "accepted", "in_flight", "grouped", "duplicate")
    return [(int(row.start[14:16]), *(getattr(row, name) for name in names)) for row in minutes]
