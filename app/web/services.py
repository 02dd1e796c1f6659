"""What the handlers of API and pages use: settings, stores, the log, and the shared answer of ``complete_until``."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aiohttp import web

from app.files.reports import Reports
from app.log.contract import Log
from app.log.dead_letters import RecentDeadLetters
from app.log.lag import complete_until
from app.settings import Settings
from app.stores.admin.access import CachedAccess
from app.stores.admin.projects import Projects
from app.stores.aggregates.store import Aggregates
from app.stores.objects.contract import ObjectStore
from app.stores.search.contract import Search
from app.web.cache import SharedResult
from app.web.errors import AWAY
from app.web.probe import StoreProbe

if TYPE_CHECKING:
    from app.postgres import Pool

DEAD_LETTERS: Final = web.AppKey("dead_letters", RecentDeadLetters)

COMPLETE_SECONDS: Final = 0.5
"""``complete_until`` reads the ends of every partition: one reading serves all requests of half a second."""


@dataclass(kw_only=True)
class Services:
    """The stores and settings of one server process, shared by all of its handlers."""

    settings: Settings
    parts: frozenset[str]
    """Which of ingest, web and files this process serves."""
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
    """Returns the codes of what keeps ingest from accepting events."""
    probes: dict[str, StoreProbe] = field(default_factory=dict)
    """The readiness probe of each store, by name; made on first use."""
    _complete: SharedResult[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:  # noqa: D105  dataclass calls it
        self._complete = SharedResult(self._read_complete, COMPLETE_SECONDS)

    def now(self) -> int:
        """Return the time, ms since the epoch."""
        return time.time_ns() // 1_000_000

    async def complete_until(self) -> int | None:
        """Return the time before which everything received is counted, ms; None while the log is away.

        Call it before the numbers are read: an older answer is still true of newer numbers.
        """
        try:
            return await self._complete.get()
        except AWAY:
            return None

    async def _read_complete(self) -> int:
        return await complete_until(self.log, self.generation, self.now())
