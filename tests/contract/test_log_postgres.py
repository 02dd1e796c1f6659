"""The log in PostgreSQL: group commit, days, seals, and a server that goes away."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec
import pytest

from app.log.contract import LogFull, LogSealed, LogTooLate, LogUnavailable, NewRecord, Record, TopicSpec
from app.log.postgres.commits import commit_offsets
from app.log.postgres.log import PostgresLog
from app.log.postgres.retention import child_name

EVENTS = "1.crashes"
OTHER = "1.sessions"
STATE = "1.rates"


@pytest.fixture
async def log(database: str) -> AsyncIterator[PostgresLog]:
    async with PostgresLog(database) as log:
        await log.ensure([TopicSpec(EVENTS, 2), TopicSpec(OTHER, 2), TopicSpec(STATE, 1, "compact")])
        yield log


@pytest.fixture
async def admin(database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


def event(number: int, topic: str = EVENTS) -> NewRecord:
    return NewRecord(topic, 0, b"%d" % number, b"payload", {}, number)


@asynccontextmanager
async def held(admin: "asyncpg.Connection[asyncpg.Record]", topic: str) -> AsyncIterator[None]:
    """Keep every append to a topic waiting for its offsets."""
    async with admin.transaction():
        await admin.execute(
            "select 1 from log_partitions p join log_topics t on t.id = p.topic_id where t.name = $1 for update of p",
            topic,
        )
        yield


async def waiting(admin: "asyncpg.Connection[asyncpg.Record]") -> int:
    """Return the backend that waits for a lock, once there is one."""
    while True:
        await admin.execute("select pg_stat_clear_snapshot()")  # a transaction sees one state of it otherwise
        found: int | None = await admin.fetchval(
            "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        )
        if found is not None:
            return found
        await asyncio.sleep(0.01)


async def test_callers_who_wait_share_a_transaction(
    log: PostgresLog, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async with held(admin, EVENTS):
        first = asyncio.create_task(log.append([event(0)]))
        await waiting(admin)
        rest = [asyncio.create_task(log.append([event(number)])) for number in range(1, 30)]
        await asyncio.sleep(0)
    assert [offset for task in (first, *rest) for offset in await task] == list(range(30))
    assert await admin.fetchval("select count(distinct xmin::text) from log_records") == 2


async def test_what_waited_for_its_offset_beyond_its_deadline_is_refused_alone(
    log: PostgresLog, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    soon = time.time_ns() // 1_000_000 + 200
    async with held(admin, EVENTS):
        late = asyncio.create_task(log.append([msgspec.structs.replace(event(0), deadline=soon)]))
        await waiting(admin)
        other = asyncio.create_task(log.append([event(1)]))
        while time.time_ns() // 1_000_000 <= soon:
            await asyncio.sleep(0.05)
    with pytest.raises(LogTooLate):
        await late
    assert await other == [0]


async def test_a_connection_lost_in_an_append_leaves_nothing(
    log: PostgresLog, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async with held(admin, EVENTS):
        appending = asyncio.create_task(log.append([event(0, OTHER), event(1), event(2)]))
        await admin.execute("select pg_terminate_backend($1)", await waiting(admin))
        with pytest.raises(LogUnavailable):
            await appending
    assert await log.append([event(3), event(4, OTHER)]) == [0, 0]
    assert [record.key for record in await log.read(EVENTS, 0, 0)] == [b"3"]


WRITER = """
import asyncio, sys
from app.log.contract import NewRecord
from app.log.postgres.log import PostgresLog

async def write(log, who):
    for number in range(10_000):
        key = f"{sys.argv[2]}.{who}.{number}".encode()
        await log.append([NewRecord("1.crashes", partition, key, b"payload", {}, 0) for partition in (0, 1, 0)])
        sys.stdout.write(key.decode() + "\\n")
        sys.stdout.flush()

async def main():
    async with PostgresLog(sys.argv[1]) as log:
        await asyncio.gather(*(write(log, who) for who in range(5)))

asyncio.run(main())
"""


async def killed_writer(database: str, name: str) -> list[bytes]:
    """Kill -9 a process amid its appends and return the keys of the acknowledged ones."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, database, name, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    acknowledged = [(await process.stdout.readline()).strip() for _ in range(50)]
    process.kill()
    rest, _ = await process.communicate()
    return acknowledged + rest.splitlines()[: -1 if not rest.endswith(b"\n") else None]


async def test_a_killed_writer_loses_nothing_acknowledged_and_leaves_nothing_half(
    log: PostgresLog, database: str
) -> None:
    acknowledged = await asyncio.gather(*(killed_writer(database, name) for name in "ab"))
    await log.append([event(0)])
    first, second = [await log.read(EVENTS, partition, 0, max_records=100_000) for partition in (0, 1)]
    assert [record.offset for record in first] == list(range(len(first)))
    twice = Counter(record.key for record in first[:-1])
    assert set(twice.values()) == {2}
    assert Counter(record.key for record in second) == dict.fromkeys(twice, 1)
    assert {key for keys in acknowledged for key in keys} <= set(twice)


async def test_a_server_that_is_away_raises_log_unavailable() -> None:
    async with PostgresLog("postgresql://nobody@127.0.0.1:1/nowhere") as log:
        with pytest.raises(LogUnavailable):
            await log.append([event(0)])
        with pytest.raises(LogUnavailable):
            await log.read(EVENTS, 0, 0)


async def test_a_sealed_topic_refuses_and_its_neighbours_do_not(
    log: PostgresLog, database: str, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async with PostgresLog(database) as another:
        await log.append([event(0), event(0, OTHER)])
        async with held(admin, OTHER):
            first = asyncio.create_task(log.append([event(1, OTHER)]))
            await waiting(admin)
            late = asyncio.create_task(log.append([event(1), event(2, OTHER)]))
            beside = asyncio.create_task(log.append([event(3, OTHER)]))
            await another.seal([EVENTS])
        assert await first == [1]
        with pytest.raises(LogSealed):
            await late
        assert await beside == [2]
        for either in (log, another):
            with pytest.raises(LogSealed):
                await either.append([event(2)])
    assert [record.key for record in await log.read(EVENTS, 0, 0)] == [b"0"]


async def test_sealing_waits_for_the_append_under_way(
    log: PostgresLog, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async with held(admin, EVENTS):  # as an append holds it
        sealing = asyncio.create_task(log.seal([EVENTS]))
        await waiting(admin)
        assert not sealing.done()
    await sealing


async def test_a_full_disk_refuses_appends_but_not_reads(database: str, tmp_path: Path, log: PostgresLog) -> None:
    await log.append([event(0)])
    async with PostgresLog(database, reserve_bytes=1 << 62, disk=tmp_path) as full:
        with pytest.raises(LogFull):
            await full.append([event(1)])
        assert len(await full.read(EVENTS, 0, 0)) == 1


async def test_an_append_makes_the_day_that_is_missing(
    log: PostgresLog, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    for name in await children(admin):
        await admin.execute(f"drop table {name}")
    assert await log.append([event(0)]) == [0]
    today = datetime.now(UTC).date()
    assert child_name(today) in await children(admin)
    assert len(await children(admin)) == 4


async def test_old_days_are_dropped_and_the_start_moves_up(
    log: PostgresLog, database: str, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    today = datetime.now(UTC).date()
    await log.append([event(number) for number in range(3)])
    await became(admin, today - timedelta(days=9))
    await log.append([event(3)])
    await became(admin, today - timedelta(days=7))
    await log.append([event(4), event(0, OTHER)])
    async with PostgresLog(database) as another:
        dropped = await asyncio.gather(log.retain(7), another.retain(7), log.append([event(5)]))
    assert [day for days in dropped[:2] for day in days] == [today - timedelta(days=9)]
    assert (await log.bounds(EVENTS))[0] == (3, 6)
    assert (await log.bounds(OTHER))[0] == (0, 1)
    assert [record.offset for record in await log.read(EVENTS, 0, 0)] == [3, 4, 5]


async def test_deleted_keys_are_forgotten_with_the_days(
    log: PostgresLog, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await log.append([NewRecord(STATE, 0, b"a", None, {}, 0), NewRecord(STATE, 0, b"b", b"kept", {}, 0)])
    await admin.execute("update log_compacted set appended = appended - 8")
    await log.append([NewRecord(STATE, 0, b"c", None, {}, 0)])
    await log.retain(7)
    assert [record.key for record in await log.read(STATE, 0, 0)] == [b"b", b"c"]


async def test_a_subscription_misses_no_append_between_read_and_wait(log: PostgresLog, database: str) -> None:
    async with PostgresLog(database) as writer:
        with log.subscribe([EVENTS]) as subscription:
            assert await subscription.wait(10)  # listening has begun
            await writer.append([event(0)])
            assert await subscription.wait(10)
            await writer.append([event(0, OTHER)])
            assert not await subscription.wait(0.1)
        waiting_again = asyncio.create_task(log.wait(OTHER, 10))
        await asyncio.sleep(0)
        await writer.append([event(1, OTHER)])
        assert await waiting_again


async def test_a_tail_goes_on_when_its_connections_are_lost(
    log: PostgresLog, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    seen: list[Record] = []

    async def follow() -> None:
        async for records in log.tail(EVENTS, {0: 0, 1: 0}):
            seen.extend(records)

    following = asyncio.create_task(follow())
    for number in range(3):
        await log.append([event(number)])
        while len(seen) <= number:
            await asyncio.sleep(0.01)
        await admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        await asyncio.sleep(0.05)
    following.cancel()
    assert [record.offset for record in seen] == [0, 1, 2]


async def test_commits_never_go_back_unless_forced(
    log: PostgresLog, admin: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    group = "faultline-crashes"
    await commit_offsets(admin, group, EVENTS, {0: 5, 1: 2})
    await commit_offsets(admin, group, EVENTS, {0: 4, 1: 3})
    assert await log.committed(group, EVENTS) == {0: 5, 1: 3}
    await commit_offsets(admin, group, EVENTS, {0: 1}, force=True)
    assert await log.committed(group, EVENTS) == {0: 1, 1: 3}
    assert await log.committed("faultline-sessions", EVENTS) == {}


async def children(admin: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    rows = await admin.fetch(
        "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'log_records'::regclass"
    )
    return [row["name"] for row in rows]


async def became(admin: "asyncpg.Connection[asyncpg.Record]", day: date) -> None:
    """Move today's records to an earlier day."""
    await admin.execute(
        f"create table {child_name(day)} partition of log_records"
        f" for values from ('{day}') to ('{day + timedelta(days=1)}')"
    )
    await admin.execute("update log_records set appended = $1 where appended = (now() at time zone 'utc')::date", day)
