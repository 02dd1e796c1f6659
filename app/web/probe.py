"""Probes of the stores, for readiness."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from cachetools import TTLCache

from app.web.errors import AWAY

SECONDS: Final = 2.0
"""A store's time to answer. Supervisors and proxies that ask for readiness give up after some seconds too."""
_KEY: Final = ""


class StoreProbe:
    """Pings a store. Concurrent callers share one ping and wait at most ``SECONDS`` for it.

    A result is reused for ``fresh`` seconds. A frozen server may hold up even the cancellation of a ping, so a ping
    that is out of time is not cancelled: it runs on, and the next caller waits for the same one.
    """

    def __init__(self, ping: Callable[[], Awaitable[object]], fresh: float = 0.0) -> None:
        self._ping = ping
        self._results: TTLCache[str, bool] = TTLCache(maxsize=1, ttl=fresh)
        self._running: asyncio.Future[object] | None = None

    async def reachable(self) -> bool:
        """Return whether the store answers. Raises errors other than those of a store that is away."""
        known = self._results.get(_KEY)
        if known is not None:
            return known
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._ping())
            # Retrieve the exception of a ping that nobody waits for any more: asyncio would log it.
            self._running.add_done_callback(lambda done: done.cancelled() or done.exception())
        done, _ = await asyncio.wait({self._running}, timeout=SECONDS)
        if not done:
            return False
        error = self._running.exception()
        if error is not None and not isinstance(error, AWAY):
            raise error
        self._results[_KEY] = error is None
        return error is None
