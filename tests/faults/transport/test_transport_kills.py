"""Every record is counted once, whatever happens to the processes that count."""

import asyncio
import random
import shutil
import signal
from typing import TYPE_CHECKING

import asyncpg
import pytest

if TYPE_CHECKING:
    from tests.faults.transport.conftest import Bench

RECORDS = 5000


async def test_killed_twice_and_stopped_once_counts_each_record_once(bench: "Bench") -> None:
    await bench.append(RECORDS)
    for how in (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM):
        process = await bench.start(COUNTING_DELAY="0.05").ready()
        least = await bench.committed() + 300
        await bench.until(least.__le__)
        process.send(how)
        assert await process.ended() == (0 if how is signal.SIGTERM else -signal.SIGKILL)
    bench.start()
    await bench.until(lambda done: done == RECORDS)
    assert await bench.counts() == bench.truth


async def test_workers_that_join_and_leave_count_each_record_once(bench: "Bench") -> None:
    await bench.append(RECORDS)
    first = await bench.start("a", COUNTING_DELAY="0.03").ready()
    second = await bench.start("b", COUNTING_DELAY="0.03").ready()
    await bench.until(lambda done: done > 800)
    first.send(signal.SIGKILL)
    third = await bench.start("c", COUNTING_DELAY="0.03").ready()
    await bench.until(lambda done: done > 1800)
    second.send(signal.SIGTERM)
    assert await second.ended() == 0
    await bench.start("d").ready()
    await bench.until(lambda done: done > 2800)
    third.send(signal.SIGKILL)
    await bench.until(lambda done: done == RECORDS)
    assert await bench.counts() == bench.truth


async def test_a_dead_member_leaves_its_partitions_to_the_others_soon(bench: "Bench", log_kind: str) -> None:
    first = await bench.start("a").ready()
    await bench.start("b").ready()
    await asyncio.sleep(1)
    await bench.append(400)
    await bench.until(lambda done: done == 400)
    first.send(signal.SIGKILL)
    await bench.append(400)
    async with asyncio.timeout(10 if log_kind == "postgres" else 20):  # Kafka knows it by the end of its session
        await bench.until(lambda done: done == 800)
    assert await bench.counts() == bench.truth


async def test_a_table_whose_local_copy_is_lost_is_the_same_after_recovery(bench: "Bench") -> None:
    await bench.append(1000)
    process = await bench.start().ready()
    await bench.until(lambda done: done == 1000)
    process.send(signal.SIGTERM)
    assert await process.ended() == 0
    shutil.rmtree(bench.folder / "a")
    await bench.append(1000)
    bench.start()
    await bench.until(lambda done: done == 2000)
    assert await bench.counts() == bench.truth


@pytest.mark.parametrize("log_kind", ["postgres"])
async def test_a_server_that_drops_every_connection_costs_no_record(bench: "Bench") -> None:
    await bench.append(RECORDS)
    for _ in range(3):
        process = await bench.start(COUNTING_DELAY="0.05").ready()
        least = await bench.committed() + 100
        await bench.until(least.__le__)
        connection = await asyncpg.connect(bench.url)
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
        await connection.close()
        assert await process.ended() == 1, process.text()
    bench.start()
    await bench.until(lambda done: done == RECORDS)
    assert await bench.counts() == bench.truth


@pytest.mark.faults
async def test_many_joins_leaves_and_kills_count_each_record_once(bench: "Bench") -> None:
    dice = random.Random(5)
    await bench.append(4 * RECORDS)
    living = [bench.start("0", COUNTING_DELAY="0.2")]
    for step in range(1, 10):
        living.append(bench.start(str(step), COUNTING_DELAY="0.2"))
        await asyncio.sleep(dice.uniform(0.5, 5))
        if len(living) > 2:
            living.pop(dice.randrange(len(living))).send(signal.SIGKILL if step % 3 == 0 else signal.SIGTERM)
            await asyncio.sleep(dice.uniform(0, 2))
    await bench.until(lambda done: done == 4 * RECORDS)
    assert await bench.counts() == bench.truth
    for process in living:
        assert process.process.poll() is None, process.text()
    ended = [process.process.poll() for process in bench.processes if process not in living]  # SIGTERM: not up yet
    assert set(ended) <= {0, -signal.SIGKILL, -signal.SIGTERM}, [process.text() for process in bench.processes]
