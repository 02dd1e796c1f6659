"""Stamps the records of a project: with its grouping, and with the version of its rules. No request waits for either.

The grouping of a project comes with its key and never changes. Versions of rules are read for all projects that have
any in one query every RULES_SECONDS: a key's own entry is too old for them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

from aiohttp import web
from cachetools import LRUCache

from app.grouping import DEFAULT
from app.ingest.limits import LOOKUP_SECONDS, MAX_KNOWN, RULES_SECONDS
from app.stores.admin.projects import FoundKey
from app.stores.errors import StoreUnavailable


class Stamp(NamedTuple):
    """The versions by which workers judge a record."""

    grouping: str
    rules: int


NO_STAMP: Final = Stamp(DEFAULT, 0)


class RulesLookup(Protocol):
    """The store of rules: ``app.stores.admin.projects.Projects``."""

    async def rules(self) -> dict[int, int]:
        """Return the newest version of the rules of each project that has any. Raises StoreUnavailable."""
        ...


class Stamps:
    """The stamps of the projects whose keys were used; while the store does not answer they stay what they were."""

    def __init__(self, lookup: RulesLookup) -> None:
        self._lookup = lookup
        self._keys: LRUCache[int, FoundKey] = LRUCache(MAX_KNOWN)
        self._rules: dict[int, int] = {}

    def note(self, entry: FoundKey) -> None:
        """Keep what was found with a key that a request is admitted by."""
        self._keys[entry.project] = entry

    def of(self, project: int) -> Stamp:
        """Return the stamp of a project that a request was admitted to."""
        entry = self._keys.get(project)
        if entry is None:
            return NO_STAMP
        return Stamp(entry.grouping, max(entry.rules, self._rules.get(project, 0)))

    async def refresh(self) -> None:
        """Read the versions of rules. Raises StoreUnavailable, TimeoutError."""
        async with asyncio.timeout(LOOKUP_SECONDS):
            self._rules = await self._lookup.rules()

    async def following(self, _application: web.Application) -> AsyncIterator[None]:
        """Refresh every RULES_SECONDS as long as the application runs: one of its cleanup contexts."""
        task = asyncio.create_task(self._follow(), name="rules")
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def _follow(self) -> None:
        while True:
            with suppress(StoreUnavailable, TimeoutError):
                await self.refresh()
            await asyncio.sleep(RULES_SECONDS)
