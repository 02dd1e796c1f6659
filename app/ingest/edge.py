"""The part common to all handlers: admission by key, memory of bodies, and the append that precedes every reply."""

import time
from collections.abc import Iterable
from typing import Protocol

from app.ingest import metrics
from app.ingest.body import Budget
from app.ingest.codes import CODES, Refusal
from app.ingest.deadlines import Deadlines
from app.ingest.health import Health
from app.ingest.keys import KeyCache, Lookup
from app.ingest.limits import APPEND_SECONDS, MIB
from app.ingest.peers import networks, peer
from app.ingest.records import Layout, Origin, RequestRecords, clean
from app.ingest.request import Request
from app.ingest.stamps import RulesLookup, Stamps
from app.log.contract import Log, LogError, NewRecord, RecordTooLarge
from app.settings import Settings


class ProjectLookup(Lookup, RulesLookup, Protocol):
    """The store of projects: ``app.stores.admin.projects.Projects``."""


class Edge:
    """The state of one ingest server: log, keys, budget, deadlines, health.

    Raises SettingsError for trusted proxies that cannot be read.
    """

    def __init__(self, log: Log, projects: ProjectLookup, settings: Settings, layout: Layout) -> None:
        self.log = log
        self.keys = KeyCache(projects)
        self.stamps = Stamps(projects)
        self.budget = Budget(settings.body_memory_mb * MIB)
        self.reading = Deadlines(settings.read_timeout)
        self.health = Health(log.full)
        self._appended = metrics.Appended()
        self._appending = Deadlines(APPEND_SECONDS)
        self._layout = layout
        self._trusted = networks(settings.trusted_proxies)
        metrics.HELD.set_function(lambda: self.budget.held)

    async def admit(self, keys: Iterable[str], protocol: str, project: int | None = None) -> int:
        """Return the project that the first valid key opens.

        Raises:
            Refusal: ``no_key`` without a key, ``wrong_key`` where each is unknown, disabled, of the other protocol or
                of another project than ``project``, ``keys_unavailable`` where none is valid and one cannot be looked
                up.
        """
        code = "no_key"
        for key in keys:
            try:
                entry = await self.keys.find(key)
            except Refusal as unavailable:
                code = unavailable.code
                continue
            if entry is not None and entry.protocol == protocol and project in (None, entry.project):
                self.stamps.note(entry)
                return entry.project
            if code == "no_key":
                code = "wrong_key"
        raise Refusal(code)

    def records(self, request: Request, project: int, *, sent: int | None = None, peer: str = "") -> RequestRecords:
        """Return an empty collection for the records of a request; they are received now.

        Nothing may be awaited between this and ``append``: the deadline of the records counts from here.
        """
        headers = request.headers
        origin = Origin(
            project=project,
            received=time.time_ns() // 1_000_000,
            sent=sent,
            peer=peer or self._peer(request),
            user_agent=clean(headers.get("User-Agent", "")),
            stamp=self.stamps.of(project),
        )
        return RequestRecords(origin, self._layout)

    async def append(self, collected: RequestRecords) -> None:
        """Append the records to the log, all or none; return once they are durable.

        Raises:
            Refusal: The log did not take the records, or ``event_too_large``: the rest of the request was kept.
        """
        records = collected.finish()
        if records:
            start = time.perf_counter()
            await self._append(records)
            self._appended.add(collected, time.perf_counter() - start)
        if collected.oversize:
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

    def _peer(self, request: Request) -> str:
        remote = request.remote or ""
        return peer(remote, request.headers.get("X-Forwarded-For", ""), self._trusted) if self._trusted else remote
