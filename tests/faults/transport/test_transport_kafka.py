"""Workers on Kafka: sessions that end, a log cut or made anew, a sink or PostgreSQL away."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.client import AIOKafkaAdminClient as Admin

from app.log.contract import NewRecord, TopicSpec
from app.log.kafka.log import KafkaLog

if TYPE_CHECKING:
    from tests.faults.transport.conftest import Bench, Process

SOURCE = "1.crashes"
SESSION_SECONDS = 6
pytestmark = pytest.mark.parametrize("log_kind", ["kafka"])


def records(bench: "Bench") -> KafkaLog:
    assert isinstance(bench.log, KafkaLog)
    return bench.log


async def admin(bench: "Bench") -> Admin:
    client = AIOKafkaAdminClient(bootstrap_servers=records(bench).address.servers)
    await client.start()
    return client


async def deleted_before(bench: "Bench", offset: int) -> None:
    """Delete records before an offset, as retention does, in each partition."""
    client = await admin(bench)
    wanted = {records(bench).address.partition(SOURCE, n): RecordsToDelete(before_offset=offset) for n in range(4)}
    await client.delete_records(wanted)
    await client.close()


async def stopped(process: "Process") -> None:
    process.send(signal.SIGTERM)
    assert await process.ended() == 0, process.text()


async def test_a_worker_that_was_stopped_beyond_its_session_changes_nothing(bench: "Bench") -> None:
    await bench.append(2000)
    sleeper = await bench.start("a", COUNTING_DELAY="0.05").ready()
    await bench.until(lambda done: done > 0)
    sleeper.send(signal.SIGSTOP)
    other = await bench.start("b").ready()
    await bench.until(lambda done: done == 2000)
    sleeper.send(signal.SIGCONT)
    await bench.append(400)
    await bench.until(lambda done: done == 2400)
    await asyncio.sleep(1)  # for whatever the sleeper still has in hand
    assert await bench.committed() == 2400
    assert await bench.counts() == bench.truth
    await stopped(other)
    await bench.append(400)
    await bench.until(lambda done: done == 2800)
    await stopped(sleeper)
    assert await bench.counts() == bench.truth


@pytest.mark.faults
async def test_a_sleeper_whose_group_has_emptied_does_not_commit(bench: "Bench") -> None:
    """Kafka takes a commit without a generation once a group is empty: it must not be sent."""
    await bench.append(2000)
    sleeper = await bench.start("a", COUNTING_DELAY="0.05").ready()
    await bench.until(lambda done: done > 0)
    sleeper.send(signal.SIGSTOP)
    other = await bench.start("b").ready()
    await bench.until(lambda done: done == 2000)
    await stopped(other)
    sleeper.send(signal.SIGCONT)
    seen = []
    for _ in range(40):
        seen.append(await bench.committed())
        await asyncio.sleep(0.05)
    assert seen == [2000] * 40
    assert await bench.counts() == bench.truth


async def test_a_sink_that_is_down_for_longer_than_a_session_costs_no_membership_and_no_memory(bench: "Bench") -> None:
    down = bench.folder / "down"
    down.touch()
    where = range(4)
    for _ in range(6):  # 48 MB
        await bench.log.append([NewRecord(SOURCE, p, b"k", bytes(1 << 20), {}, 0) for p in where for _ in range(2)])
    bench.truth.update({(p, b"k"): 12 for p in where})
    process = await bench.start(COUNTING_DOWN=str(down), FAULTLINE_BATCH_MB="1").ready()
    await asyncio.sleep(3)
    before = psutil.Process(process.process.pid).memory_info().rss
    await asyncio.sleep(SESSION_SECONDS + 2)
    assert psutil.Process(process.process.pid).memory_info().rss < before + (16 << 20)
    assert process.text().count("owns partitions [0, 1, 2, 3]") == 1
    assert await bench.committed() == 0
    down.unlink()
    await bench.until(lambda done: done == 48)
    assert await bench.counts() == bench.truth
    assert process.text().count("owns partitions") == 1
    assert "heartbeat_away" not in process.text()  # of a role that no page knows, too


async def test_records_that_retention_deleted_unread_are_reported_lost(bench: "Bench") -> None:
    await bench.append(400)
    process = await bench.start().ready()
    await bench.until(lambda done: done == 400)
    await stopped(process)
    await bench.append(800)
    await deleted_before(bench, 150)
    process = bench.start()
    await bench.until(lambda done: done == 1200)
    assert (await bench.counts()).total() == 400 + 4 * 150
    assert process.text().count("50 records from 100 on were deleted by retention") == 4


async def test_where_retention_deleted_everything_work_goes_on_at_the_end(bench: "Bench") -> None:
    await bench.append(400)
    process = await bench.start().ready()
    await bench.until(lambda done: done == 400)
    await stopped(process)
    await bench.append(400)
    await deleted_before(bench, 200)
    process = bench.start()
    await bench.until(lambda done: done == 800)
    await bench.append(40)
    await bench.until(lambda done: done == 840)
    assert (await bench.counts()).total() == 400 + 40
    assert process.text().count("100 records from 100 on were deleted by retention") == 4


async def test_a_log_that_ends_before_the_commit_is_not_read(bench: "Bench") -> None:
    await bench.append(400)
    process = await bench.start().ready()
    await bench.until(lambda done: done == 400)
    await stopped(process)
    # The topic is made anew, and all that Kafka itself forgets with it is put back: the group's commits.
    client = await admin(bench)
    await client.delete_topics([records(bench).address.name(SOURCE)])
    async with KafkaLog(bench.settings.log) as anew:
        while SOURCE in await anew._topics._describe([SOURCE]):
            await asyncio.sleep(0.05)
        await anew.ensure([TopicSpec(SOURCE, 4)])
        await commit(bench, 100)
        process = bench.start()
        assert await process.ended() == 1
    await client.close()
    assert "committed 100" in process.text()


async def commit(bench: "Bench", offset: int) -> None:
    from app.log.kafka.reader import consumer_of  # noqa: PLC0415  one test's own

    address = records(bench).address
    consumer = consumer_of(address, group_id=address.name("faultline-counter"))
    await consumer.start()
    wanted = [address.partition(SOURCE, number) for number in range(4)]
    consumer.assign(wanted)
    await consumer.commit(dict.fromkeys(wanted, offset))
    await consumer.stop()


@asynccontextmanager
async def without_database(bench: "Bench") -> AsyncIterator[None]:
    """Refuse all connections to the database for the block."""
    address = urlsplit(bench.url)
    name = address.path[1:]
    server = await asyncpg.connect(address._replace(path="/postgres").geturl())
    await server.execute(f"alter database {name} allow_connections false")
    await server.execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1", name)
    try:
        yield
    finally:
        await server.execute(f"alter database {name} allow_connections true")
        await server.close()


async def test_postgresql_away_does_not_hold_up_workers_that_need_nothing_of_it(bench: "Bench") -> None:
    process = await bench.start().ready()
    await bench.append(400)
    await bench.until(lambda done: done == 400)
    async with without_database(bench):
        await bench.append(400)
        await bench.until(lambda done: done == 800)
    assert await bench.counts() == bench.truth
    await stopped(process)


async def test_a_dead_workers_partitions_are_taken_over_while_postgresql_is_away(bench: "Bench") -> None:
    first = await bench.start("a").ready()
    second = await bench.start("b").ready()
    await bench.append(400)
    await bench.until(lambda done: done == 400)
    async with without_database(bench):
        first.send(signal.SIGKILL)
        await bench.append(400)
        await bench.until(lambda done: done == 800)
        assert "owns partitions [0, 1, 2, 3]" in second.text()
    assert await bench.counts() == bench.truth
    await stopped(second)
