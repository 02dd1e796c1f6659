"""Deadlines: one timer bounds many waits, each in its own time, and cancels nothing else."""

import asyncio

import pytest

from app.ingest.deadlines import Deadlines


async def work(result: int) -> int:
    await asyncio.sleep(0)
    return result


async def forever() -> None:
    await asyncio.Event().wait()


async def test_work_in_time_returns_its_result() -> None:
    deadlines = Deadlines(60)
    assert await asyncio.gather(*(deadlines.bound(work(number)) for number in range(5))) == [0, 1, 2, 3, 4]
    assert deadlines._running == {}


async def test_overdue_work_is_cancelled_and_its_task_continues() -> None:
    deadlines = Deadlines(0.05)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await deadlines.bound(forever())
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert await deadlines.bound(work(1)) == 1


async def test_an_error_propagates() -> None:
    async def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await Deadlines(60).bound(fail())


async def test_cancellation_from_outside_is_no_timeout() -> None:
    deadlines = Deadlines(60)
    task = asyncio.create_task(deadlines.bound(forever()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert deadlines._running == {}


async def test_no_timer_runs_without_work() -> None:
    deadlines = Deadlines(0.01)
    await deadlines.bound(work(1))
    await asyncio.sleep(0.01)
    assert deadlines._timer is None
