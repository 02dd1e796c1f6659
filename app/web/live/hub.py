"""Follows the topic ``rates`` once a process and hands each watching client what changed, the latest of each window.

A client that reads too slowly does not grow the process: what it has not read yet is replaced by what is newer, and
beyond ``PENDING`` windows it is told to read the numbers anew (``reset``).
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

import structlog

from app.log.contract import Record
from app.records import UnknownSchema
from app.stores.aggregates.types import Point
from app.topics import RATES, qualified
from app.web.errors import AWAY, place
from app.web.services import Services
from tables.windows import Row, decode_row

PENDING: Final = 2000
WATERMARK_SECONDS: Final = 1.0
AGAIN_SECONDS: Final = 1.0
LOOK_BACK: Final = 30_000
"""ms; a notice bears the time at which its transaction began, and may be seen that much later."""

log = structlog.get_logger()


class Change(NamedTuple):
    """A window that changed."""

    size: int
    group: str
    release: str
    point: Point


class Notice(NamedTuple):
    """A group that is new, or that came back."""

    group: str
    kind: str
    at: int


class Client:
    """One watcher of one project."""

    def __init__(self, project: int) -> None:
        """Start with nothing to tell."""
        self.project = project
        self.wake = asyncio.Event()
        self.closed = False
        self.reset = False
        self.notices: list[Notice] = []
        self.watermark: int | None = None
        self._changes: dict[tuple[int, str, str, int], Change] = {}

    def offer(self, change: Change) -> None:
        """Keep a change until it is taken; the newer of one window replaces the older."""
        if len(self._changes) >= PENDING:
            self._changes.clear()
            self.reset = True
        self._changes[change.size, change.group, change.release, change.point.start] = change
        self.wake.set()

    def take(self) -> list[Change]:
        """Give what changed since the last time."""
        changes, self._changes = list(self._changes.values()), {}
        self.wake.clear()
        return changes


class Hub:
    """All watchers of this process."""

    def __init__(self, services: Services) -> None:
        """Follow the log of ``services``; nothing runs before ``run``."""
        self._services = services
        self._clients: dict[int, set[Client]] = defaultdict(set)
        self._joined: dict[int, int] = {}
        self._told: dict[int, dict[str, None]] = {}
        self._closing = False

    def join(self, project: int) -> Client:
        """Add a watcher."""
        client = Client(project)
        client.closed = self._closing
        self._clients[project].add(client)
        self._joined.setdefault(project, self._services.now() - LOOK_BACK)
        self._told.setdefault(project, {})
        return client

    def leave(self, client: Client) -> None:
        """Forget a watcher."""
        self._clients[client.project].discard(client)
        if not self._clients[client.project]:
            del self._clients[client.project]
            self._joined.pop(client.project, None)
            self._told.pop(client.project, None)

    def close(self) -> None:
        """End all streams, so that the server can stop."""
        self._closing = True
        for client in self._all():
            client.closed = True
            client.wake.set()

    async def run(self) -> None:
        """Follow until cancelled; a log that is away is tried again."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._watermarks())

    async def _follow(self) -> None:
        topic = qualified(self._services.generation, RATES)
        while True:
            try:
                async for records in self._services.log.tail(topic):
                    await self._hand_out(records)
            except Exception as error:  # noqa: BLE001  whatever it was, live views begin again and pages go on
                log.warning("live_away", error=type(error).__name__, where=place(error))
            for client in self._all():
                client.reset = True  # what was appended while nobody listened is not told again
                client.wake.set()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _hand_out(self, records: Iterable[Record]) -> None:
        touched = set()
        for record in records:
            if record.key is None or record.value is None or not self._clients:
                continue
            try:
                cell, size, start, row = decode_row(record.key, record.value)
            except UnknownSchema as error:
                log.warning("live_unknown_schema", error=str(error))
                continue
            if cell.kind == "c" and cell.project in self._clients:
                touched.add(cell.project)
                change = Change(size, cell.group, cell.release, point(start, row))
                for client in self._clients[cell.project]:
                    client.offer(change)
        for project in touched:
            await self._notify(project)

    async def _notify(self, project: int) -> None:
        told = self._told.get(project)
        if told is None:
            return
        try:
            notices = await self._services.aggregates.notices(project, self._services.now() - LOOK_BACK)
        except AWAY:
            return  # the next change looks back far enough
        for found in notices:
            if found.id in told or found.created < self._joined.get(project, 0):
                continue
            told[found.id] = None
            for client in self._clients.get(project, ()):
                client.notices.append(Notice(found.group, found.kind, found.at))
                del client.notices[:-PENDING]
                client.wake.set()
        while len(told) > PENDING:
            del told[next(iter(told))]

    async def _watermarks(self) -> None:
        while True:
            await asyncio.sleep(WATERMARK_SECONDS)
            if not self._clients:
                continue
            try:
                complete = await self._services.complete_until()
            except Exception as error:  # noqa: BLE001  the next look may work; a page shows that its mark is old
                log.warning("watermark_away", error=type(error).__name__, where=place(error))
                continue
            for client in self._all():
                if complete is not None and complete != client.watermark:
                    client.watermark = complete
                    client.wake.set()

    def _all(self) -> list[Client]:
        return [client for clients in self._clients.values() for client in clients]


def point(start: int, row: Row) -> Point:
    """Read a window's numbers."""
    count = row.counts.get
    return Point(
        start=start, crashes=count("crashes", 0), unhandled=count("unhandled", 0), messages=count("messages", 0),
        users=row.unique("users"), sessions=count("sessions", 0), crashed_sessions=count("crashed_sessions", 0),
    )  # fmt: skip
