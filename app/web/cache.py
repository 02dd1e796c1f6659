"""Shares the result of one asynchronous call among all who need it within some seconds."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from cachetools import TTLCache

Value = TypeVar("Value")
_KEY: Final = ""


class SharedResult(Generic[Value]):
    """Keeps the result of ``call`` for ``seconds``. Concurrent callers wait for the same call.

    A call that raises is not kept: the next caller tries again.
    """

    def __init__(self, call: Callable[[], Awaitable[Value]], seconds: float) -> None:
        self._call = call
        self._kept: TTLCache[str, Value] = TTLCache(maxsize=1, ttl=seconds)
        self._lock = asyncio.Lock()

    async def get(self) -> Value:
        """Return the kept result, or call anew. Raises what the call raises."""
        async with self._lock:
            try:
                return self._kept[_KEY]
            except KeyError:
                value = self._kept[_KEY] = await self._call()
                return value
