"""Writes every few seconds to PostgreSQL that this process runs, with the figures of its roles.

A heartbeat never disturbs its process: a beat that fails is logged and left out, the next one follows in its time.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import cache
from importlib.metadata import version
from typing import Final
from uuid import uuid4

import psutil
import structlog

from app.stores.admin.instances import Figures, Instance, Instances
from app.stores.errors import StoreUnavailable
from app.tasks import beside

BEAT_SECONDS: Final = 5.0
LEAVE_SECONDS: Final = 1.0

log = structlog.get_logger()


@cache
def _version() -> str:
    return version("faultline")


class RateMeter:
    """Computes rates per second from counters that only grow. ``clock`` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._before: tuple[float, Mapping[str, float]] | None = None

    def of(self, counts: Mapping[str, float]) -> dict[str, float | None]:
        """Return by how much each counter grew per second since the last call; None for each at the first call."""
        now, before = self._clock(), self._before
        self._before = (now, counts)
        if before is None:
            return dict.fromkeys(counts)
        passed = max(now - before[0], 1e-3)
        return {name: (count - before[1].get(name, 0)) / passed for name, count in counts.items()}


class Heartbeat:
    """Writes the row of this process among the instances.

    ``part`` is what the process is (server, worker); ``figures`` returns those of each role that it runs.
    """

    def __init__(
        self, instances: Instances, part: str, figures: Callable[[], Awaitable[Mapping[str, Figures]]]
    ) -> None:
        self._instances = instances
        self._part = part
        self._figures = figures
        self._process = psutil.Process()
        self._id = uuid4()
        self._failing = False

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            await self.beat()
            await asyncio.sleep(BEAT_SECONDS)

    async def beat(self) -> None:
        """Write the row once. The first of several failures in a row is logged."""
        try:
            await self._instances.beat(await self._instance(), time.time() - self._process.create_time())
        except Exception as error:  # noqa: BLE001  reporting the state of a process must never end it
            if not self._failing:
                log.warning("heartbeat_away", error=type(error).__name__)
            self._failing = True
        else:
            self._failing = False

    async def leave(self) -> None:
        """Delete the row if that takes less than ``LEAVE_SECONDS``; otherwise it goes stale by itself."""
        with suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._instances.leave(self._id)

    async def _instance(self) -> Instance:
        return Instance(
            id=self._id, part=self._part, host=socket.gethostname(), pid=os.getpid(), version=_version(),
            memory=self._process.memory_info().rss, figures=dict(await self._figures()),
        )  # fmt: skip


@asynccontextmanager
async def beating(heartbeat: Heartbeat) -> AsyncIterator[None]:
    """Beat while the block runs, then delete the row."""
    try:
        async with beside(heartbeat.run()):
            yield
    finally:
        await heartbeat.leave()
