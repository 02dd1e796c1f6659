"""The only broker is killed and started again: nothing acknowledged is lost, counted twice, or lands late."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from app.log.contract import LogUnavailable, NewRecord
from tests.servers import Server, Unavailable, kafka

if TYPE_CHECKING:
    from tests.faults.transport.conftest import Bench

SOURCE = "1.crashes"
SECONDS_TO_GIVE_UP = 60
"""The log's own limit is 10 s: the machine may be busy."""


pytestmark = [pytest.mark.faults, pytest.mark.parametrize("log_kind", ["kafka"])]


@pytest.fixture(scope="module")
def broker() -> Iterator[Server]:
    """Yield a broker of this module's own, which it may kill."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(kafka())
        except Unavailable as error:
            pytest.skip(f"no Kafka: {error}")
        yield server


@pytest.fixture
def kafka_url(broker: Server) -> str:
    """Return the log of this module's own broker."""
    return f"kafka://{broker.address}/test-{time.monotonic_ns()}"


async def append(bench: "Bench", count: int) -> int:
    """Append one by one, each again until it is acknowledged; return how many tries had an unknown outcome."""
    failed = 0
    for number in range(count):
        partition, key = number % 4, b"key-%d" % (number % 17)
        while True:
            try:
                await bench.log.append([NewRecord(SOURCE, partition, key, b"x" * 100, {}, 0)])
            except LogUnavailable:
                failed += 1
            else:
                break
        bench.truth[partition, key] += 1
    return failed


async def test_workers_and_writers_go_on_after_a_broker_was_killed(bench: "Bench", broker: Server) -> None:
    await bench.append(4000)
    workers = [await bench.start(name, COUNTING_DELAY="0.05").ready() for name in "ab"]
    await bench.until(lambda done: done > 200)
    writing = asyncio.create_task(append(bench, 400))
    broker.kill()
    await asyncio.sleep(3)
    await asyncio.to_thread(broker.start)
    failed = await writing
    if any(worker.process.poll() is not None for worker in workers):  # a changelog append whose end is unknown
        bench.start("c")
    ends = sum(bounds.end for bounds in (await bench.log.bounds(SOURCE)).values())
    assert 4400 <= ends <= 4400 + failed
    await bench.until(lambda done: done == ends)
    counts = await bench.counts()
    assert counts.total() == ends
    assert not bench.truth - counts
    for worker in workers:
        if worker.process.poll() is None:
            worker.send(signal.SIGTERM)
            assert await worker.ended() == 0


async def test_what_could_not_be_appended_in_time_never_lands(bench: "Bench", broker: Server) -> None:
    await bench.append(4)
    broker.kill()
    try:
        async with asyncio.timeout(SECONDS_TO_GIVE_UP):
            answers = await asyncio.gather(
                *(bench.log.append([NewRecord(SOURCE, 0, b"late", b"", {}, n)]) for n in range(3)),
                bench.log.read(SOURCE, 0, 0),
                bench.log.bounds(SOURCE),
                bench.log.committed("faultline-counter", SOURCE),
                return_exceptions=True,
            )
    finally:
        await asyncio.to_thread(broker.start)
    assert [type(answer) for answer in answers] == [LogUnavailable] * 6
    while True:
        try:
            await bench.log.append([NewRecord(SOURCE, 0, b"after", b"", {}, 0)])
        except LogUnavailable:
            continue
        break
    await asyncio.sleep(1)
    assert b"late" not in [record.key for record in await bench.log.read(SOURCE, 0, 0)]


async def test_a_stop_while_the_broker_is_away_ends_in_time_and_loses_nothing(bench: "Bench", broker: Server) -> None:
    await bench.append(2000)
    worker = await bench.start("a", COUNTING_DELAY="0.05").ready()
    await bench.until(lambda done: done > 100)
    broker.kill()
    try:
        worker.send(signal.SIGTERM)
        await worker.ended()
    finally:
        await asyncio.to_thread(broker.start)
    bench.start("b")
    await bench.until(lambda done: done == 2000)
    assert await bench.counts() == bench.truth


async def test_a_tail_goes_on_after_a_broker_was_killed(bench: "Bench", broker: Server) -> None:
    seen: list[bytes | None] = []

    async def follow() -> None:
        async for records in bench.log.tail(SOURCE, dict.fromkeys(range(4), 0)):
            seen.extend(record.key for record in records)

    following = asyncio.create_task(follow())
    await bench.append(40)
    broker.kill()
    await asyncio.to_thread(broker.start)
    await append(bench, 40)
    async with asyncio.timeout(60):
        while len(seen) < 80:
            await asyncio.sleep(0.05)
    following.cancel()
    await asyncio.wait([following])
    assert following.cancelled()
