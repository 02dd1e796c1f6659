"""Batches of different partitions are in work side by side, those of one in order, together one full batch."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from app.log.batch import Batch
from app.log.contract import Record
from app.stream.lanes import Lanes


def batch(partition: int, first: int, count: int = 1, nbytes: int = 10) -> Batch:
    records = [Record("1.crashes", partition, first + n, None, b"", {}, 0) for n in range(count)]
    return Batch(topic="1.crashes", partition=partition, records=records, nbytes=nbytes, position=first)


class Works:
    """Works that end when they are told to; what has begun, and what has ended, in order."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, int]] = []
        self.gates: dict[tuple[int, int], asyncio.Event] = defaultdict(asyncio.Event)

    def of(self, one: Batch) -> Callable[[], Awaitable[None]]:
        return partial(self._work, (one.partition, one.first))

    async def _work(self, name: tuple[int, int]) -> None:
        self.begun.append(name)
        await self.gates[name].wait()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_partitions_side_by_side_and_one_partition_in_order() -> None:
    works = Works()
    async with asyncio.TaskGroup() as tasks:
        lanes = Lanes(tasks, 100, 1000)
        for one in (batch(0, 0), batch(0, 1), batch(1, 0), batch(0, 2)):
            await lanes.start(one, works.of(one))
        await settle()
        assert works.begun == [(0, 0), (1, 0)]
        works.gates[0, 0].set()
        await settle()
        assert works.begun == [(0, 0), (1, 0), (0, 1)]
        for gate in [(0, 1), (0, 2), (1, 0)]:
            works.gates[gate].set()
    assert works.begun == [(0, 0), (1, 0), (0, 1), (0, 2)]


@pytest.mark.parametrize(
    ("first", "second"),
    [((6, 10), (5, 10)), ((1, 600), (1, 500)), ((1, 10), (50, 10)), ((20, 10), (1, 10)), ((1, 5000), (0, 0))],
)
async def test_together_they_are_no_more_than_one_full_batch(first: tuple[int, int], second: tuple[int, int]) -> None:
    works = Works()
    async with asyncio.TaskGroup() as tasks:
        lanes = Lanes(tasks, 10, 1000)
        await lanes.start(batch(0, 0, *first), works.of(batch(0, 0)))
        other = tasks.create_task(lanes.start(batch(1, 0, *second), works.of(batch(1, 0))))
        await settle()
        assert works.begun == [(0, 0)]
        assert not other.done()
        works.gates[0, 0].set()
        await settle()
        assert other.done()
        assert works.begun == [(0, 0), (1, 0)]
        works.gates[1, 0].set()


async def test_idle_batches_take_room_too() -> None:
    works = Works()
    async with asyncio.TaskGroup() as tasks:
        lanes = Lanes(tasks, 3, 1000)
        for first in range(3):
            await lanes.start(batch(0, first, count=0, nbytes=0), works.of(batch(0, first)))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await lanes.start(batch(1, 0, count=0, nbytes=0), works.of(batch(1, 0)))
        for first in range(3):
            works.gates[0, first].set()


async def test_the_end_of_the_agent_ends_all_that_is_in_work() -> None:
    works, ended = Works(), list[int]()

    async def work(number: int) -> None:
        try:
            await works.gates[number, 0].wait()
        finally:
            ended.append(number)

    async def agent() -> None:
        async with asyncio.TaskGroup() as tasks:
            lanes = Lanes(tasks, 10, 1000)
            for number in range(3):
                await lanes.start(batch(number, 0), partial(work, number))
            await asyncio.Event().wait()

    running = asyncio.create_task(agent())
    await settle()
    running.cancel()
    await asyncio.wait([running])
    assert sorted(ended) == [0, 1, 2]
