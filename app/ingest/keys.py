"""Caches keys, so that a request costs no query and ingest goes on while PostgreSQL is away."""

import asyncio
import re
import time
from collections.abc import Callable
from typing import Final, Protocol

from cachetools import LRUCache, TTLCache

from app.ingest.codes import Refusal
from app.ingest.limits import (
    KNOWN_SECONDS,
    LOOKUP_SECONDS,
    MAX_KEY,
    MAX_KNOWN,
    MAX_UNKNOWN,
    RETRY_SECONDS,
    UNKNOWN_SECONDS,
)
from app.stores.admin.projects import FoundKey
from app.stores.errors import StoreUnavailable
from app.tasks import within

KEY: Final = re.compile(rf"[!-~]{{1,{MAX_KEY}}}\Z")


class Lookup(Protocol):
    """The store of keys: ``app.stores.admin.projects.Projects``."""

    async def by_key(self, key: str) -> FoundKey | None:
        """Return the entry of a key, None for an unknown one. Raises StoreUnavailable."""
        ...


class KeyCache:
    """Caches the entries of keys, found and not found, in bounded memory; concurrent requests share one lookup.

    While the store does not answer, a key that it had once found stays valid. ``clock`` returns seconds.
    """

    def __init__(self, lookup: Lookup, clock: Callable[[], float] = time.monotonic) -> None:
        self._lookup = lookup
        self._known: TTLCache[str, FoundKey] = TTLCache(MAX_KNOWN, KNOWN_SECONDS, timer=clock)
        self._unknown: TTLCache[str, None] = TTLCache(MAX_UNKNOWN, UNKNOWN_SECONDS, timer=clock)
        self._last: LRUCache[str, FoundKey] = LRUCache(MAX_KNOWN)
        self._retained: TTLCache[str, FoundKey] = TTLCache(MAX_KNOWN, RETRY_SECONDS, timer=clock)
        self._pending: dict[str, asyncio.Task[FoundKey | None]] = {}

    async def find(self, key: str) -> FoundKey | None:
        """Return the entry of an enabled key, else None. Raises Refusal("keys_unavailable")."""
        entry = self._known.get(key) or self._retained.get(key)
        if entry is not None:
            return entry
        if key in self._unknown or not KEY.match(key):
            return None
        task = self._pending.get(key)
        if task is None:
            task = asyncio.create_task(self._look_up(key))
            self._pending[key] = task
            task.add_done_callback(lambda _: self._pending.pop(key, None))
        return await asyncio.shield(task)  # a request that ends early must not cancel the others' lookup

    async def _look_up(self, key: str) -> FoundKey | None:
        try:
            entry = await within(LOOKUP_SECONDS, self._lookup.by_key(key))
        except (StoreUnavailable, TimeoutError) as error:
            return self._retain(key, error)
        if entry is None or entry.disabled:
            self._last.pop(key, None)
            self._unknown[key] = None
            return None
        self._known[key] = self._last[key] = entry
        return entry

    def _retain(self, key: str, error: Exception) -> FoundKey:
        """Return the last entry found, and use it for RETRY_SECONDS without a lookup."""
        entry = self._last.get(key)
        if entry is None:
            raise Refusal("keys_unavailable") from error
        self._retained[key] = entry
        return entry
