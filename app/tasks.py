"""Tasks that run beside a block, waits that end in time, and calls of several tasks that are made as one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


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


def until_tick(seconds: float) -> float:
    """Return the seconds until the clock is next a multiple of ``seconds``: all who wait so wake at the same time."""
    return seconds - monotonic() % seconds


class Joined(Generic[T, R]):
    """Makes one call of ``work`` for all callers that wait at the time; each gets its result, or its error.

    ``work`` gets the callers' items, and never runs twice at once. ``linger`` (s) is how long the first caller waits
    for others. ``work`` goes on where a caller is cancelled.
    """

    def __init__(self, work: Callable[[Sequence[T]], Awaitable[R]], linger: float = 0.0) -> None:
        self._work = work
        self._linger = linger
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, item: T) -> R:
        """Return what ``work`` returned for a sequence that has ``item``. Raises what it raised."""
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await done

    async def _run(self) -> None:
        while self._waiting:
            await asyncio.sleep(self._linger)
            waiting, self._waiting = self._waiting, []
            callers = [(item, done) for item, done in waiting if not done.done()]
            try:
                result = await self._work([item for item, _ in callers])
            except BaseException as error:
                for _, done in callers:
                    if done.done():
                        continue
                    if isinstance(error, Exception):
                        done.set_exception(error)
                    else:
                        done.cancel()
                if not isinstance(error, Exception):
                    raise
            else:
                for _, done in callers:
                    if not done.done():
                        done.set_result(result)
