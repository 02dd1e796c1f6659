"""Calls of several tasks that are made as one."""

import asyncio
from collections.abc import Sequence

import pytest

from app.tasks import Joined


class Work:
    """Records its calls; the first call ends when ``gate`` is set."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, items: Sequence[int]) -> int:
        """Return the number of the call."""
        self.calls.append(list(items))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return len(self.calls)


async def test_callers_that_wait_share_the_next_call() -> None:
    work = Work()
    joined = Joined(work)
    first = asyncio.create_task(joined(1))
    while not work.calls:
        await asyncio.sleep(0)
    rest = [asyncio.create_task(joined(number)) for number in (2, 3)]
    await asyncio.sleep(0)
    work.gate.set()
    assert await first == 1
    assert [await task for task in rest] == [2, 2]
    assert work.calls == [[1], [2, 3]]
    assert await joined(4) == 3


async def test_an_error_is_each_callers_and_the_next_call_works() -> None:
    work = Work()
    work.gate.set()
    work.error = ValueError("no")
    joined = Joined(work, 0.01)
    answers = await asyncio.gather(joined(1), joined(2), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ValueError, ValueError]
    work.error = None
    assert await joined(3) == 2


async def test_a_cancelled_caller_is_left_out_and_ends_no_call_of_others() -> None:
    work = Work()
    joined = Joined(work, 0.01)
    gone, stays = asyncio.create_task(joined(1)), asyncio.create_task(joined(2))
    await asyncio.sleep(0)
    gone.cancel()
    work.gate.set()
    assert await stays == 1
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert work.calls == [[2]]
