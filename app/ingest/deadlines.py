"""Bounds what many requests wait for by one timer: a timer for each costs as much as all of a request's parsing."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

LOOKS: Final = 10
"""How often within the time allowed the running are looked at: it is exceeded by a tenth at most."""


class Deadlines:
    """Allows each piece of work the same time. One for each thing that is waited for; of one event loop."""

    def __init__(self, seconds: float) -> None:
        """Allow ``seconds``."""
        self._seconds = seconds
        self._running: dict[asyncio.Task[Any], float] = {}
        self._overdue: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def bound(self, work: Coroutine[Any, Any, T]) -> T:
        """Await ``work``, once at a time in a task. Raises TimeoutError when it took too long; it is cancelled then."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("deadlines are for tasks")
        loop = task.get_loop()
        self._running[task] = loop.time() + self._seconds
        if self._timer is None:
            self._look_later(loop)
        try:
            return await work
        except asyncio.CancelledError:
            if task not in self._overdue or task.uncancel() > 0:  # somebody else wants it to end
                raise
            raise TimeoutError from None
        finally:
            del self._running[task]
            self._overdue.discard(task)

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(self._seconds / LOOKS, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, deadline in self._running.items():
            if deadline <= now and task not in self._overdue:
                self._overdue.add(task)
                task.cancel()
        self._timer = None
        if self._running:
            self._look_later(loop)
