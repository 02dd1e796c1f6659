"""The steps of a move to another log: each may be repeated, and none runs where it would lose something."""

from collections.abc import AsyncIterator, Mapping

import asyncpg
import pytest

from app.log import moving
from app.log.contract import LogError, LogSealed, NewRecord, TopicSpec
from app.log.generations import latest
from app.log.kafka.log import KafkaLog
from app.log.lag import READERS
from app.log.postgres.commits import commit_offsets
from app.log.postgres.log import PostgresLog
from app.topics import SOURCES, qualified
from tables import sessions

CHANGELOG = "faultline-sessions-sessions-changelog"
NAMES = (*SOURCES, "processed", "deltas")
STATE = sessions.State(1, 2, 7, 1000, 1000, 0, "1", None)


def specs(generation: int) -> list[TopicSpec]:
    kept = [TopicSpec(qualified(generation, name), 2) for name in NAMES]
    return [*kept, TopicSpec(qualified(generation, CHANGELOG), 2, "compact")]


def event(topic: str, partition: int = 0) -> NewRecord:
    return NewRecord(topic, partition, b"k", b"v", {}, 0)


@pytest.fixture
async def old(database: str) -> AsyncIterator[PostgresLog]:
    async with PostgresLog(database) as log:
        await log.ensure(specs(1))
        yield log


@pytest.fixture
async def new(kafka_url: str) -> AsyncIterator[KafkaLog]:
    async with KafkaLog(kafka_url) as log:
        yield log


@pytest.fixture
async def connection(database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def test_only_one_moves_at_a_time(connection: "asyncpg.Connection[asyncpg.Record]", database: str) -> None:
    other = await asyncpg.connect(database)
    async with moving.alone(connection):
        with pytest.raises(LogError, match="another process"):
            async with moving.alone(other):
                pass
    async with moving.alone(other):
        pass
    await other.close()


async def test_a_new_log_with_events_in_it_is_refused(new: KafkaLog) -> None:
    await moving.prepare(new, 2, specs(2))
    await moving.prepare(new, 2, specs(2))
    await new.append([event("2.sessions", 1)])
    with pytest.raises(LogError, match=r"2\.sessions .* has records already"):
        await moving.prepare(new, 2, specs(2))


async def test_what_is_sealed_takes_no_event_and_goes_on_being_drained(
    connection: "asyncpg.Connection[asyncpg.Record]", old: PostgresLog
) -> None:
    await old.append([event("1.crashes")])
    for _ in range(2):
        await moving.seal(connection, old, 1)
    assert (await latest(connection)).sealed
    for name in SOURCES:
        with pytest.raises(LogSealed):
            await old.append([event(qualified(1, name))])
    await old.append([event("1.processed"), event("1.deltas", 1)])


async def test_roles_drain_from_the_source_on(
    connection: "asyncpg.Connection[asyncpg.Record]", old: PostgresLog
) -> None:
    await old.append([event("1.crashes"), event("1.crashes", 1)])
    await moving.seal(connection, old, 1)
    seen: list[Mapping[str, int]] = []
    async for left in moving.drain(old, 1):
        seen.append(left)
        if "crashes" in left:  # its worker: what it makes of an event is there before its commit
            await old.append([event("1.processed"), event("1.deltas", 1)])
            await commit_offsets(connection, "faultline-crashes", "1.crashes", {0: 1, 1: 1})
        else:
            for role, name in READERS[len(SOURCES) :]:
                await commit_offsets(connection, f"faultline-{role}", qualified(1, name), {0: 1, 1: 1})
    assert seen == [{"crashes": 2}, {"rates": 1, "archive": 1, "search": 1}]


async def test_state_that_is_carried_twice_is_the_same_as_once(old: PostgresLog, new: KafkaLog) -> None:
    await moving.prepare(new, 2, specs(2))
    await old.append([event("1.sessions", 1) for _ in range(5)])
    value = sessions.encode(STATE)
    keys = [sessions.changelog_key(bytes([number]) * 16, 7) for number in range(3)]
    await old.append([NewRecord(qualified(1, CHANGELOG), 1, key, value, {"h": b"1"}, 3) for key in keys])
    await old.append([NewRecord(qualified(1, CHANGELOG), 1, keys[0], None, {}, 4)])
    counts = [await moving.carry(old, new, 1, CHANGELOG, "sessions", sessions.shifted) for _ in range(2)]
    assert counts == [3, 3]
    records = await new.read(qualified(2, CHANGELOG), 1, 0)
    local: dict[bytes, bytes | None] = {}
    for record in records:
        local.update(sessions.localise(local.get, record.key or b"", record.value))
    versions = [state.version for key in keys[1:] if (state := sessions.decode(local[sessions.local_key(key[:16])]))]
    assert versions == [2 - 5, 2 - 5]
    assert local.get(sessions.local_key(keys[0][:16])) is None
    assert {record.headers.get("h") for record in records if record.value} == {b"1"}
