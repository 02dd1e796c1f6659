"""How a worker waits for a backend, and how it ends: by a signal, without its parent, or by a fatal error."""

import signal
from typing import TYPE_CHECKING

import asyncpg
import pytest

if TYPE_CHECKING:
    from tests.faults.transport.conftest import Bench


async def test_a_backend_that_is_down_holds_the_partitions_until_it_is_back(bench: "Bench") -> None:
    down = bench.folder / "down"
    down.touch()
    await bench.append(200)
    await bench.start(COUNTING_DOWN=str(down)).ready()
    await bench.until(lambda done: done == 0)
    down.unlink()
    await bench.until(lambda done: done == 200)
    assert await bench.counts() == bench.truth


async def test_a_stop_while_a_backend_is_down_acknowledges_nothing(bench: "Bench") -> None:
    down = bench.folder / "down"
    down.touch()
    await bench.append(200)
    process = await bench.start(COUNTING_DOWN=str(down)).ready()
    process.send(signal.SIGTERM)
    assert await process.ended() == 0
    assert await bench.committed() == 0
    assert not await bench.counts()
    down.unlink()
    bench.start(COUNTING_DOWN=str(down))
    await bench.until(lambda done: done == 200)
    assert await bench.counts() == bench.truth


async def test_what_can_never_work_ends_the_process_and_leaves_the_batch(bench: "Bench") -> None:
    await bench.append(1000)
    process = bench.start(COUNTING_FATAL="120")
    assert await process.ended() == 1
    assert "this can never work" in process.text()
    assert await bench.committed() <= 4 * 100
    assert 120 not in [offset - 1 for offset in (await bench.log.committed("faultline-counter", "1.crashes")).values()]
    bench.start()
    await bench.until(lambda done: done == 1000)
    assert await bench.counts() == bench.truth


@pytest.mark.parametrize("log_kind", ["postgres"])
async def test_a_member_that_loses_its_connection_ends(bench: "Bench") -> None:
    process = await bench.start().ready()
    connection = await asyncpg.connect(bench.url)
    [pid] = await connection.fetchrow("select pid from log_members") or [0]
    await connection.execute("select pg_terminate_backend($1)", pid)
    await connection.close()
    assert await process.ended() == 1


async def test_a_worker_whose_parent_is_gone_stops(bench: "Bench") -> None:
    process = await bench.start().ready()
    process.orphan()
    assert await process.ended() == 0
