"""Reads the topic ``rates`` once a process and passes changed windows on to the subscribers of each project.

A subscriber holds the latest value of each window that it has not read yet, so a slow reader does not grow the
process. Beyond ``PENDING`` windows they are dropped, and the subscriber is told to read the numbers anew (``reset``).
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import aclosing
from typing import Final, NamedTuple

import structlog

from app.log.contract import Record
from app.records import UnknownSchema
from app.stores.aggregates.series import not_said
from app.stores.aggregates.types import Point
from app.topics import RATES, qualified
from app.web.errors import AWAY, raised_at
from app.web.services import Services
from tables.windows import Row, decode_row

PENDING: Final = 2000
"""Windows, and notices, that wait for one subscriber at most."""
WATERMARK_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 1.0
LATE_SECONDS: Final = 8.0
"""A notice of a new group waits for the comparison of keys 5 s at most; the rest is for a slow reading."""
POSITION_SECONDS: Final = 2.0
LOOK_BACK: Final = 30_000
"""ms; a notice bears the time at which its transaction began, and becomes visible up to that much later."""

log = structlog.get_logger()


class WindowUpdate(NamedTuple):
    """The new numbers of one window; group and release are '' for all."""

    size: int
    group: str
    release: str
    point: Point


class GroupNotice(NamedTuple):
    """A group that is new, or that needs another look."""

    group: str
    kind: str
    """new, regressed or reopened."""
    at: int
    """ms since the epoch."""


class Subscriber:
    """One open stream of one project, with what it has not sent yet."""

    def __init__(self, project: int) -> None:
        self.project = project
        self.wake = asyncio.Event()
        self.closed = False
        self.reset = False
        self.notices: list[GroupNotice] = []
        self.watermark: int | None = None
        self._updates: dict[tuple[int, str, str, int], WindowUpdate] = {}

    def offer(self, update: WindowUpdate) -> None:
        """Keep an update until it is drained; it replaces an earlier one of the same window."""
        if len(self._updates) >= PENDING:
            self._updates.clear()
            self.reset = True
        self._updates[update.size, update.group, update.release, update.point.start] = update
        self.wake.set()

    def drain(self) -> list[WindowUpdate]:
        """Return and forget the updates since the last call."""
        updates, self._updates = list(self._updates.values()), {}
        self.wake.clear()
        return updates


class Hub:
    """The subscribers of this process. Nothing is read before ``run``."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._subscribers: dict[int, set[Subscriber]] = defaultdict(set)
        self._since: dict[int, int] = {}
        """Project -> notices written before this time (ms) are not sent."""
        self._sent: dict[int, dict[str, None]] = {}
        """Project -> ids of the notices that were sent, oldest first."""
        self._late: dict[int, float] = {}
        """Project -> until when (s, monotonic) notices of its last changes may be released."""
        self._closing = False
        self._wanted = asyncio.Event()
        """Set while there are subscribers: without any the topic is not read."""
        self._following = asyncio.Event()
        self._missed = False
        """Whether updates were missed that subscribers must read anew."""

    def join(self, project: int) -> Subscriber:
        """Add a subscriber."""
        subscriber = Subscriber(project)
        subscriber.closed = self._closing
        self._subscribers[project].add(subscriber)
        self._wanted.set()
        self._since.setdefault(project, self._services.now() - LOOK_BACK)
        self._sent.setdefault(project, {})
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        """Remove a subscriber."""
        self._subscribers[subscriber.project].discard(subscriber)
        if not self._subscribers[subscriber.project]:
            del self._subscribers[subscriber.project]
            self._since.pop(subscriber.project, None)
            self._sent.pop(subscriber.project, None)
        if not self._subscribers:
            self._wanted.clear()

    def close(self) -> None:
        """End all streams, so that the server can stop."""
        self._closing = True
        for subscriber in self._all():
            subscriber.closed = True
            subscriber.wake.set()

    async def run(self) -> None:
        """Follow the log until cancelled; while it is away, try again."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._watermarks())
            tasks.create_task(self._late_notices())

    async def positioned(self) -> None:
        """Wait until what is appended from now on will be offered, so that numbers read after it miss nothing.

        While the log is away that may take long: after a while the subscribers are rather told to read again later.
        """
        try:
            async with asyncio.timeout(POSITION_SECONDS):
                await self._following.wait()
        except TimeoutError:
            self._missed = True

    async def _follow(self) -> None:
        topic = qualified(self._services.generation, RATES)
        while True:
            await self._wanted.wait()
            try:
                ends = {number: bounds.end for number, bounds in (await self._services.log.bounds(topic)).items()}
                self._following.set()
                self._tell_missed()
                await self._follow_from(topic, ends)
            except Exception as error:  # noqa: BLE001  live views resume whatever it was, and the pages work meanwhile
                log.warning("live_away", error=type(error).__name__, where=raised_at(error))
                self._missed = True  # what was appended in between is not read again
                self._following.clear()
                await asyncio.sleep(RETRY_SECONDS)
            self._following.clear()

    async def _follow_from(self, topic: str, ends: dict[int, int]) -> None:
        """Read the topic until there are records for which there is no subscriber."""
        async with aclosing(self._services.log.tail(topic, ends)) as tail:
            async for records in tail:
                if not self._wanted.is_set():
                    return
                await self._distribute(records)

    def _tell_missed(self) -> None:
        if self._missed:
            self._missed = False
            for subscriber in self._all():
                subscriber.reset = True
                subscriber.wake.set()

    async def _distribute(self, records: Iterable[Record]) -> None:
        changed = set()
        for record in records:
            if record.key is None or record.value is None or not self._subscribers:
                continue
            try:
                cell, size, start, row = decode_row(record.key, record.value)
            except UnknownSchema as error:
                log.warning("live_unknown_schema", error=str(error))
                continue
            if cell.kind == "c" and cell.project in self._subscribers:
                changed.add(cell.project)
                update = WindowUpdate(size, cell.group, cell.release, point_of(start, row))
                for subscriber in self._subscribers[cell.project]:
                    subscriber.offer(update)
        for project in changed:
            self._late[project] = time.monotonic() + LATE_SECONDS
            await self._send_notices(project)

    async def _late_notices(self) -> None:
        """Send what waited for the comparison of keys: no window need change when a notice is released."""
        while True:
            await asyncio.sleep(WATERMARK_SECONDS)
            for project, until in list(self._late.items()):
                if time.monotonic() > until or project not in self._sent:
                    del self._late[project]
                    continue
                try:
                    await self._send_notices(project)
                except Exception as error:  # noqa: BLE001  the next look may work
                    log.warning("notices_away", error=type(error).__name__, where=raised_at(error))

    async def _send_notices(self, project: int) -> None:
        sent = self._sent.get(project)
        if sent is None:
            return
        try:
            notices = await self._services.aggregates.notices(project, self._services.now() - LOOK_BACK)
        except AWAY:
            return  # the next change looks back far enough
        for notice in notices:
            if notice.id in sent or notice.created < self._since.get(project, 0):
                continue
            sent[notice.id] = None
            for subscriber in self._subscribers.get(project, ()):
                subscriber.notices.append(GroupNotice(notice.group, notice.kind, notice.at))
                del subscriber.notices[:-PENDING]
                subscriber.wake.set()
        while len(sent) > PENDING:
            del sent[next(iter(sent))]

    async def _watermarks(self) -> None:
        while True:
            await asyncio.sleep(WATERMARK_SECONDS)
            if not self._subscribers:
                continue
            try:
                complete = await self._services.complete_until()
            except Exception as error:  # noqa: BLE001  the next try may work; a page shows that its watermark is old
                log.warning("watermark_away", error=type(error).__name__, where=raised_at(error))
                continue
            for subscriber in self._all():
                if complete is not None and complete != subscriber.watermark:
                    subscriber.watermark = complete
                    subscriber.wake.set()

    def _all(self) -> list[Subscriber]:
        return [subscriber for subscribers in self._subscribers.values() for subscriber in subscribers]


def point_of(start: int, row: Row) -> Point:
    """Return the numbers of a window that starts at ``start`` (s)."""
    count = row.counts.get
    return Point(
        start=start, crashes=count("crashes", 0), unhandled=count("unhandled", 0), messages=count("messages", 0),
        users=row.unique("users"), sessions=count("sessions", 0), crashed_sessions=count("crashed_sessions", 0),
        unhandled_sessions=count("unhandled_sessions", 0), not_said=not_said(row),
    )  # fmt: skip
