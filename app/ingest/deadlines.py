"""Bounds many waits by one timer: a timer for each wait costs as much as all of a request's parsing."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

CHECKS: Final = 10
"""Checks within the time allowed: a wait exceeds it by a tenth at most."""


class Deadlines:
    """Allows each awaited coroutine the same ``seconds``. One instance for each kind of wait, for one event loop."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._running: dict[asyncio.Task[Any], float] = {}
        self._overdue: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def bound(self, work: Coroutine[Any, Any, T]) -> T:
        """Await ``work``. A task may bound one coroutine at a time.

        Raises:
            TimeoutError: ``work`` took longer than allowed; it was cancelled.
            RuntimeError: The caller runs in no task.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("Deadlines.bound must be awaited in a task")
        loop = task.get_loop()
        self._running[task] = loop.time() + self._seconds
        if self._timer is None:
            self._schedule(loop)
        try:
            return await work
        except asyncio.CancelledError:
            if task not in self._overdue or task.uncancel() > 0:  # cancelled from outside, not by its deadline
                raise
            raise TimeoutError from None
        finally:
            del self._running[task]
            self._overdue.discard(task)

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(self._seconds / CHECKS, self._cancel_overdue, loop)

    def _cancel_overdue(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, deadline in self._running.items():
            if deadline <= now and task not in self._overdue:
                self._overdue.add(task)
                task.cancel()
        self._timer = None
        if self._running:
            self._schedule(loop)
