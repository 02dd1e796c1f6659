"""The heartbeat rows of processes: renewed, counted as gone, deleted."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from app.runtime.heartbeat import Heartbeat
from app.stores.admin.instances import Figures, Instance, Instances
from app.stores.errors import StoreUnavailable

FIGURES = {"crashes": Figures(records=12.5, lag_records=3, lag_seconds=0.5, partitions=[0, 2], errors=1)}


@pytest.fixture
async def pool(database: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    async with asyncpg.create_pool(database, min_size=0, max_size=2) as pool:
        yield pool


def instance(identity: UUID, memory: int = 1) -> Instance:
    return Instance(
        id=identity, part="worker", host="h", pid=7, version="0.1", memory=memory, figures=dict(FIGURES)
    )  # fmt: skip


async def age(pool: "asyncpg.Pool[asyncpg.Record]", seconds: int) -> None:
    await pool.execute("update instances set seen = seen - make_interval(secs => $1)", seconds)


async def test_a_heartbeat_renews_the_row_and_keeps_the_start(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    instances, identity = Instances(pool), uuid4()
    await instances.beat(instance(identity), 60)
    [first] = await instances.alive()
    await age(pool, 10)
    await instances.beat(instance(identity, memory=2), 70)
    [again] = await instances.alive()
    assert (first.id, first.roles, first.figures) == (identity, ("crashes",), FIGURES)
    assert (again.started, again.memory) == (first.started, 2)
    assert again.seen >= first.seen
    assert 60_000 <= first.seen - first.started < 61_000


async def test_a_process_without_heartbeats_is_gone_and_later_deleted(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    instances = Instances(pool)
    await instances.beat(instance(uuid4()), 0)
    await age(pool, 31)
    assert await instances.alive() == []
    await age(pool, 600)
    other = uuid4()
    await instances.beat(instance(other), 0)
    assert [row["id"] for row in await pool.fetch("select id from instances")] == [other]
    await instances.leave(other)
    assert await pool.fetchval("select count(*) from instances") == 0


async def test_figures_of_another_version_become_roles_without_figures(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    instances = Instances(pool)
    await instances.beat(instance(uuid4()), 0)
    await pool.execute("update instances set figures = $1", msgspec.msgpack.encode({"rates": {"records": "many"}}))
    [row] = await instances.alive()
    assert row.figures == {"rates": Figures()}


async def test_the_watermark_is_the_least_of_the_partitions(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    instances = Instances(pool)
    assert await instances.watermark("1.deltas") is None
    rows = [("1.deltas", d, "1.crashes", p, 0, 1000 * d + p) for d in (1, 2) for p in (3, 4)]
    await pool.executemany("insert into progress values ($1, $2, $3, $4, $5, $6)", rows)
    assert await instances.watermark("1.deltas") == 1003
    assert await instances.watermark("1.deltas", [2]) == 2003
    assert await instances.watermark("2.deltas") is None


async def test_calls_raise_and_heartbeats_go_on_while_the_database_is_away(
    pool: "asyncpg.Pool[asyncpg.Record]",
) -> None:
    instances = Instances(pool)

    async def figures() -> dict[str, Figures]:
        return dict(FIGURES)

    heartbeat = Heartbeat(instances, "server", figures)
    await heartbeat.beat()
    [row] = await instances.alive()
    assert (row.part, row.figures) == ("server", FIGURES)
    await heartbeat.leave()
    assert await instances.alive() == []
    await pool.close()
    for call in (instances.alive(), instances.beat(instance(uuid4()), 0), instances.leave(uuid4())):
        with pytest.raises(StoreUnavailable):
            await call
    async with asyncio.timeout(10):
        await heartbeat.beat()
        await heartbeat.leave()
