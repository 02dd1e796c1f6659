"""What all handlers share: who may send, how much may be in memory, and the append that comes before every reply."""

import time
from typing import Final

from aiohttp import web

from app.ingest import metrics
from app.ingest.body import MIB, Budget
from app.ingest.codes import CODES, Refusal
from app.ingest.deadlines import Deadlines
from app.ingest.health import Health
from app.ingest.keys import KeyCache, Lookup
from app.ingest.peers import networks, peer
from app.ingest.records import Batch, Layout, Origin, clean
from app.log.contract import Log, LogError, NewRecord, RecordTooLarge
from app.settings import Settings

APPEND_SECONDS: Final = 30.0
"""Well within the skew (60 s) that a received time is promised to be appended in: the request is refused then, and
the log takes no record later (``app.ingest.records.APPEND_MS``), whatever held its transaction up."""


class Edge:
    """One server's ingest."""

    def __init__(self, log: Log, projects: Lookup, settings: Settings, generation: int) -> None:
        """Compose from the log, the projects' keys and the settings. Raises SettingsError for unreadable networks."""
        self.log = log
        self.keys = KeyCache(projects)
        self.budget = Budget(settings.body_memory_mb * MIB)
        self.reading = Deadlines(settings.read_timeout)
        self.health = Health(log.full)
        self._appending = Deadlines(APPEND_SECONDS)
        self._layout = Layout(generation, settings.partitions)
        self._trusted = networks(settings.trusted_proxies)
        metrics.HELD.set_function(lambda: self.budget.held)

    async def admit(self, key: str, protocol: str, project: int | None = None) -> int:
        """Give the project that a key opens. Raises Refusal for no key, or one that is not this project's."""
        if not key:
            raise Refusal("no_key")
        found = await self.keys.find(key)
        if found is None or found.protocol != protocol or project not in (None, found.project):
            raise Refusal("wrong_key")
        return found.project

    def batch(self, request: web.Request, project: int, *, sent: int | None = None, peer: str = "") -> Batch:
        """Start the records of a request; the received time is now, so append without another wait."""
        headers = request.headers
        origin = Origin(
            project,
            time.time_ns() // 1_000_000,
            sent,
            peer or self._peer(request),
            clean(headers.get("User-Agent", "")),
        )
        return Batch(origin, self._layout)

    async def append(self, batch: Batch) -> None:
        """Give the records to the log, all or none; returns once they are durable. Raises Refusal."""
        records = batch.finish()
        if records:
            start = time.perf_counter()
            await self._append(records)
            metrics.APPEND_SECONDS.observe(time.perf_counter() - start)
            metrics.count(batch)
        if batch.oversize:
            raise Refusal("event_too_large")

    async def _append(self, records: list[NewRecord]) -> None:
        try:
            await self._appending.bound(self.log.append(records))
        except TimeoutError as error:
            self.health.failed("append_timeout")
            raise Refusal("append_timeout") from error
        except RecordTooLarge as error:
            raise Refusal("body_too_large") from error
        except LogError as error:
            code = error.code if error.code in CODES else "log_error"
            self.health.failed(code)
            raise Refusal(code) from error
        self.health.succeeded()

    def _peer(self, request: web.Request) -> str:
        return peer(request.remote or "", request.headers.get("X-Forwarded-For", ""), self._trusted)
