"""What the handlers of API and pages reach: the stores, the log, and the one answer that is kept for half a second."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aiohttp import web

from app.files.reports import Reports
from app.log.contract import Log
from app.log.dead_letters import Board
from app.log.lag import complete_until
from app.settings import Settings
from app.stores.admin.access import CachedAccess
from app.stores.admin.projects import Projects
from app.stores.aggregates.store import Aggregates
from app.stores.objects.contract import ObjectStore
from app.stores.search.contract import Search
from app.web.errors import AWAY
from app.web.probe import Look

if TYPE_CHECKING:
    from app.postgres import Pool

BOARD: Final = web.AppKey("board", Board)

COMPLETE_SECONDS: Final = 0.5
"""``complete_until`` looks at the ends of every partition: one look serves all requests of half a second."""


@dataclass
class Services:
    """Everything that the web role reads from. One a process."""

    settings: Settings
    parts: frozenset[str]
    """Which of ingest, web and files this process is."""
    generation: int
    pool: "Pool"
    log: Log
    projects: Projects
    aggregates: Aggregates
    search: Search
    blobs: ObjectStore
    reports: Reports
    access: CachedAccess
    readiness: Callable[[], list[str]] = list
    looks: dict[str, Look] = field(default_factory=dict)
    """Whether each store answers: the look that is under way, or the last one."""
    _complete: tuple[float, int] | None = None
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def now(self) -> int:
        """Give the time, ms since the epoch."""
        return time.time_ns() // 1_000_000

    async def complete_until(self) -> int | None:
        """Give the time before which everything received is in the numbers, ms; None where it can't be told now.

        Ask before the numbers are read: an older answer is still true of newer numbers.
        """
        async with self._looking:
            if self._complete is None or self._complete[0] < time.monotonic():
                try:
                    found = await complete_until(self.log, self.generation, self.now())
                except AWAY:
                    return None
                self._complete = (time.monotonic() + COMPLETE_SECONDS, found)
            return self._complete[1]
