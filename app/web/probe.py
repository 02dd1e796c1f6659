"""Whether a store answers: asked by one at a time, and no longer than whoever asks has patience."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from app.web.errors import AWAY

SECONDS: Final = 2.0
"""What a store may take to answer: whoever asks for readiness gives up after some seconds too."""


class Look:
    """One store. A server that is frozen holds up even the end of a question that is given up: the question goes on
    by itself, and the next who asks waits for the same one.
    """  # noqa: D205  the summary is two sentences

    def __init__(self, ask: Callable[[], Awaitable[object]], fresh: float = 0.0) -> None:
        """Take what asks the store, and for how many seconds an answer holds."""
        self._ask = ask
        self._fresh = fresh
        self._asked = 0.0
        self._asking: asyncio.Future[object] | None = None

    async def answers(self) -> bool:
        """Tell whether the store answers. Errors that do not mean that it is away pass."""
        if self._asking is None or (self._asking.done() and time.monotonic() - self._asked >= self._fresh):
            self._asked = time.monotonic()
            self._asking = asyncio.ensure_future(self._ask())
            self._asking.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, whoever waits
        done, _ = await asyncio.wait({self._asking}, timeout=SECONDS)
        error = self._asking.exception() if done else TimeoutError()
        if error is not None and not isinstance(error, AWAY):
            raise error
        return error is None
