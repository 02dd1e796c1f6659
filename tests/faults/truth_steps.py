"""Faults of a cluster and its stores, and the traffic that continues meanwhile."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import psutil

from app.log.lag import READERS, stage
from app.log.open import open_log
from app.settings import load
from app.topics import qualified
from tests.faults.truth_servers import Servers
from tests.support.cluster import Cluster
from tests.support.truth_parts import Request
from tests.support.truth_run import send

ROUNDS: Final = 40
"""Portions of a step's share of the traffic; a longer step sends a smaller and smaller part of the rest."""

READS: Final = dict(READERS)
POLL_SECONDS: Final = 0.5
REFRESH_SECONDS: Final = 1.5
"""Elasticsearch refreshes its indices each second."""

BUFFERS_MB: Final = 150
"""MiB that may be added when a sink goes away, and again with more partitions: waiting batches fill the buffers."""

DRIFT_MB: Final = 32
"""MiB that may be added after that, while the backlog grows: the allocator's alone."""


class Traffic:
    """Requests that are sent bit by bit while steps run."""

    def __init__(self, cluster: Cluster, requests: Sequence[Request]) -> None:
        self._cluster = cluster
        self._rest = deque(requests)

    async def during(self, step: Callable[[], Awaitable[None]], steps: int) -> None:
        """Send portions until the step is done, the first of so many."""
        doing = asyncio.ensure_future(step())
        while not doing.done():
            await self._send(max(1, len(self._rest) // (ROUNDS * steps)))
            await asyncio.wait([doing], timeout=0.3)
        doing.result()

    async def rest(self) -> None:
        """Send what is left."""
        await self._send(len(self._rest))

    async def _send(self, count: int) -> None:
        requests = [self._rest.popleft() for _ in range(min(count, len(self._rest)))]
        if requests:
            await send(lambda: self._cluster.ingest_url, requests, _nothing)


class Steps:
    """Steps against processes and stores; each returns once the cluster has recovered from it."""

    def __init__(self, cluster: Cluster, servers: Servers, settings: Mapping[str, str]) -> None:
        self._cluster, self._servers = cluster, servers
        self._settings = load(settings)

    async def kill(self, name: str) -> None:
        """Kill -9; wait until others own the partitions of a worker, then for its successor."""
        member = self._cluster.members[name]
        if member.role == "ingest":
            await asyncio.to_thread(member.kill)
        else:
            seconds = await asyncio.to_thread(self._cluster.kill, name)
            _say(f"{name} killed: all its partitions taken over after {seconds:.1f} s")
        await asyncio.to_thread(self._cluster.wait_ready)

    async def leave(self, name: str) -> None:
        """End one by SIGTERM; wait until the others own all partitions."""
        begun = time.monotonic()
        await self._end(name)
        await asyncio.to_thread(self._cluster.wait_owned, self._cluster.members[name].role)
        _say(f"{name} left: all taken over after {time.monotonic() - begun:.1f} s")

    async def join(self, name: str) -> None:
        """Start one again and wait until it owns its share."""
        begun = time.monotonic()
        self._cluster.members[name].wanted = True
        await asyncio.to_thread(self._cluster.wait_ready)
        _say(f"{name} joined after {time.monotonic() - begun:.1f} s")

    async def away(self, server: str, seconds: float) -> None:
        """Stop a server for a while; wait until every process has recovered."""
        await asyncio.to_thread(self._servers.running[server].stop)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self._servers.running[server].start)
        begun = time.monotonic()
        await asyncio.to_thread(self._cluster.wait_ready)
        _say(f"{server} was away for {seconds:.0f} s; all ready {time.monotonic() - begun:.1f} s after it was back")

    async def sink_down(self, server: str, role: str, seconds: float) -> None:
        """Stop the store that a role writes to, for ``seconds``.

        Memory stays bounded, workers keep their partitions, and a shutdown acknowledges nothing unwritten.
        """
        await asyncio.to_thread(self._servers.running[server].stop)
        before = {member.name: member.pid for member in self._cluster.of(role)}
        first = await self._memory(role, seconds / 2)
        while not await self._behind(role):
            await asyncio.sleep(POLL_SECONDS)
        assert {member.name: member.pid for member in self._cluster.of(role)} == before, "a member left"
        assert self._cluster.owned(role) == self._settings.partitions
        committed = await self._committed(role)
        await self._end(f"{role}-2")  # who stays may need this very server to take over
        assert await self._committed(role) == committed, "acknowledged what was not written"
        alone = await self._memory(role, seconds / 4)
        then = await self._memory(role, seconds / 4)
        await asyncio.to_thread(self._servers.running[server].start)
        await self.join(f"{role}-2")
        used = f"{first[0]:.0f}, up to {max(first):.0f}; with all partitions {max(alone):.0f}, then {max(then):.0f} MiB"
        _say(f"{server} was away for {seconds:.0f} s: {role} used {used}")
        assert max(first) - first[0] < BUFFERS_MB
        assert max(alone) - max(first) < BUFFERS_MB
        assert max(then) - max(alone) < DRIFT_MB

    async def written(self) -> None:
        """Wait until archive and search have consumed everything, and it can be found."""
        while await self._behind("archive") or await self._behind("search"):
            await asyncio.sleep(POLL_SECONDS)
        await asyncio.sleep(REFRESH_SECONDS)

    async def _behind(self, role: str) -> int:
        """Return how many records a role has not committed."""
        async with open_log(self._settings) as log:
            return (await stage(log, 1, role, READS[role])).records

    async def _end(self, name: str) -> None:
        begun = time.monotonic()
        code = await asyncio.to_thread(self._cluster.members[name].leave)
        assert code == 0, f"{name} ended with {code}:\n{self._cluster.members[name].log()[-3000:]}"
        _say(f"{name} ended {time.monotonic() - begun:.1f} s after its SIGTERM")

    async def _memory(self, role: str, seconds: float) -> list[float]:
        """Return the greatest resident memory of a role's members, MiB, time and again."""
        samples: list[float] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pids = [member.pid for member in self._cluster.of(role) if member.pid is not None]
            samples.append(max(psutil.Process(pid).memory_info().rss for pid in pids) / 2**20)
            await asyncio.sleep(POLL_SECONDS)
        return samples

    async def _committed(self, role: str) -> Mapping[int, int]:
        async with open_log(self._settings) as log:
            return await log.committed(f"faultline-{role}", qualified(1, READS[role]))


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  the run reports takeover times and memory


async def _nothing() -> None:
    pass
