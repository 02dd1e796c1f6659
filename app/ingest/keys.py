"""Caches keys, so that a request costs no query and ingest goes on while PostgreSQL is away."""

import asyncio
import re
import time
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

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


class Known(NamedTuple):
    """What was found of a key; ``until`` (s) it needs no further lookup."""

    entry: FoundKey
    until: float


class KeyCache:
    """Caches the entries of keys, found and not found, in bounded memory; concurrent requests share one lookup.

    While the store does not answer, a key that it had once found stays valid. ``clock`` returns seconds.
    """

    def __init__(self, lookup: Lookup, clock: Callable[[], float] = time.monotonic) -> None:
        self._lookup = lookup
        self._clock = clock
        self._known: LRUCache[str, Known] = LRUCache(MAX_KNOWN)
        self._unknown: TTLCache[str, None] = TTLCache(MAX_UNKNOWN, UNKNOWN_SECONDS, timer=clock)
        self._pending: dict[str, asyncio.Task[FoundKey | None]] = {}

    async def find(self, key: str) -> FoundKey | None:
        """Return the entry of an enabled key, else None. Raises Refusal("keys_unavailable")."""
        known = self._known.get(key)
        if known is not None and known.until > self._clock():
            return known.entry
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
            self._known.pop(key, None)
            self._unknown[key] = None
            return None
        return self._keep(key, entry, KNOWN_SECONDS)

    def _retain(self, key: str, error: Exception) -> FoundKey:
        """Return the last entry found, and use it for RETRY_SECONDS without a lookup."""
        known = self._known.get(key)
        if known is None:
            raise Refusal("keys_unavailable") from error
        return self._keep(key, known.entry, RETRY_SECONDS)

    def _keep(self, key: str, entry: FoundKey, seconds: float) -> FoundKey:
        self._known[key] = Known(entry, self._clock() + seconds)
        return entry
