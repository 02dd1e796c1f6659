"""Remembers keys, so that a request costs no query and ingest goes on while PostgreSQL is away."""

import asyncio
import re
import time
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from app.ingest.codes import Refusal
from app.stores.admin.projects import FoundKey
from app.stores.errors import StoreUnavailable

V = TypeVar("V")

KNOWN_SECONDS: Final = 45.0
"""A disabled key is dead within 60 s (API.md); the rest is for the query and for requests on their way."""

UNKNOWN_SECONDS: Final = 5.0
"""A key may be made just after it was tried in vain."""

RETRY_SECONDS: Final = 5.0
"""How long a remembered key is used before the store is asked again, while it does not answer."""

LOOKUP_SECONDS: Final = 2.0
MAX_UNKNOWN: Final = 10_000
MAX_KNOWN: Final = 100_000

KEY: Final = re.compile(r"[!-~]{1,200}\Z")


class Lookup(Protocol):
    """Where keys are looked up: ``app.stores.admin.projects.Projects``."""

    async def by_key(self, key: str) -> FoundKey | None:
        """Give what a key opens. Raises StoreUnavailable."""
        ...


class KeyCache:
    """Keys by text. Bounded; several requests with one new key share a query."""

    def __init__(self, lookup: Lookup, clock: Callable[[], float] = time.monotonic) -> None:
        """Look keys up in ``lookup``; ``clock`` gives seconds."""
        self._lookup = lookup
        self._clock = clock
        self._known: dict[str, tuple[float, FoundKey]] = {}
        self._unknown: dict[str, float] = {}
        self._pending: dict[str, asyncio.Task[FoundKey | None]] = {}

    async def find(self, key: str) -> FoundKey | None:
        """Give what an enabled key opens, else None. Raises Refusal("keys_unavailable")."""
        now = self._clock()
        known = self._known.get(key)
        if known is not None and known[0] > now:
            return known[1]
        if self._unknown.get(key, 0.0) > now or not KEY.match(key):
            return None
        task = self._pending.get(key)
        if task is None:
            task = asyncio.create_task(self._ask(key))
            self._pending[key] = task
            task.add_done_callback(lambda _: self._pending.pop(key, None))
        return await asyncio.shield(task)

    async def _ask(self, key: str) -> FoundKey | None:
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                found = await self._lookup.by_key(key)
        except (StoreUnavailable, TimeoutError) as error:
            return self._stale(key, error)
        self._known.pop(key, None)
        self._unknown.pop(key, None)
        if found is None or found.disabled:
            _put(self._unknown, key, self._clock() + UNKNOWN_SECONDS, MAX_UNKNOWN)
            return None
        _put(self._known, key, (self._clock() + KNOWN_SECONDS, found), MAX_KNOWN)
        return found

    def _stale(self, key: str, error: Exception) -> FoundKey:
        if key not in self._known:
            raise Refusal("keys_unavailable") from error
        found = self._known[key][1]
        self._known[key] = (self._clock() + RETRY_SECONDS, found)
        return found


def _put(cache: dict[str, V], key: str, value: V, limit: int) -> None:
    if len(cache) >= limit:
        del cache[next(iter(cache))]
    cache[key] = value
