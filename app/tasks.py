"""Tasks that run beside a block, and waits that end in time."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run ``work`` as a task while the block runs, then cancel it and wait for its end."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of ``work``. Raises TimeoutError after ``seconds``, whatever ``work`` does about it.

    ``asyncio.timeout`` waits until what it cancels has ended, for which the client of a frozen server may take for
    ever. Here it is cancelled and left to itself.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        task.add_done_callback(_retrieve)
        raise
    if done:
        return task.result()
    task.cancel()
    task.add_done_callback(_retrieve)
    raise TimeoutError(f"no result within {seconds:g} s")


def _retrieve(task: "asyncio.Future[Any]") -> None:
    """Retrieve the exception of a task that nobody waits for any more: asyncio would log it."""
    if not task.cancelled():
        task.exception()
