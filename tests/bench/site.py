"""The installation that is measured: PostgreSQL in a folder of its own, and processes with the CPU time they took."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil

from app.embedded import EmbeddedPostgres
from app.log.contract import Log
from app.stores.admin.migrate import migrate
from app.stores.admin.projects import Project, Projects
from tests.bench import cpu

ROOT: Final = Path(__file__).parents[2]
PARTITIONS: Final = 8
CONNECTIONS: Final = 32
"""Over which a sender sends at once."""

LIMIT: Final = 600.0
"""Seconds after which a process that is not done has failed."""

LOOK_SECONDS: Final = 0.1
STOP_SECONDS: Final = 30.0


class Failed(Exception):
    """A process that was measured ended, or did not get done."""


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL server for the block; gives the URL of its database for administration."""
    server = EmbeddedPostgres(folder / "postgres")
    url = server.start()
    try:
        yield url
    finally:
        server.stop()


def named(url: str, database: str) -> str:
    """Give the URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


async def make(url: str, database: str, *, template: str = "template1") -> str:
    """Make a database; gives its URL."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"create database {database} template {template}")
    finally:
        await connection.close()
    return named(url, database)


async def drop(url: str, database: str) -> None:
    """Drop a database, whoever is connected."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"drop database {database} with (force)")
    finally:
        await connection.close()


async def prepare(url: str) -> Project:
    """Migrate a new database and make one project."""
    connection = await asyncpg.connect(url)
    try:
        await migrate(connection)
    finally:
        await connection.close()
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        return await Projects(pool).create("shop")


async def caught_up(log: Log, groups: Mapping[str, str]) -> bool:
    """Tell whether each of these groups has committed all that its topic holds, looking at one after the other."""
    for group, topic in groups.items():
        committed = await log.committed(group, topic)
        bounds = await log.bounds(topic)
        if any(committed.get(number, bound.start) < bound.end for number, bound in bounds.items()):
            return False
    return True


class Sent(NamedTuple):
    """When a sender began and ended, s since the epoch, and the seconds of CPU that it took."""

    began: float
    ended: float
    cpu: float


async def send(port: int, project: Project, count: int, seed: int) -> Sent:
    """Send events by a process of its own. Raises Failed where one is not taken."""
    arguments = [str(port), str(project.id), project.sentry_key, str(count), str(CONNECTIONS), str(seed)]
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.client", *arguments, cwd=ROOT, stdout=subprocess.PIPE
    )
    said, _ = await client.communicate()
    if client.returncode:
        raise Failed("the client had an answer that is not 200")
    return Sent(**json.loads(said))


class Measured:
    """A process of the installation; what it took is asked of the operating system."""

    def __init__(self, module: str, folder: Path, environ: Mapping[str, str], arguments: Sequence[str]) -> None:
        """Start ``python -m module`` in a folder of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        reading, writing = os.pipe()
        self._said = folder / "output.txt"
        with self._said.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env={**os.environ, **environ, "FAULTLINE_READY_FD": str(writing)},
                cwd=folder, stdout=output, stderr=output, pass_fds=[writing],
            )  # fmt: skip
        os.close(writing)
        self._ready = reading
        self._seen = psutil.Process(self._process.pid)
        self.peak = 0
        """Greatest resident set seen, bytes."""

    def wait_ready(self) -> bytes:
        """Wait for what the process says once it works. Raises Failed."""
        said = os.read(self._ready, 1024)
        if not said:
            raise self._failed("ended before it was ready")
        return said

    def cpu(self) -> float:
        """Give the seconds of CPU that the process took so far, user and system. Raises Failed."""
        if self._process.poll() is not None:
            raise self._failed("ended")
        self.peak = max(self.peak, self._seen.memory_info().rss)
        times = self._seen.cpu_times()
        return times.user + times.system

    def resident(self) -> int:
        """Give the bytes of its resident set now."""
        return int(self._seen.memory_info().rss)

    async def until(self, done: Callable[[], Awaitable[bool]]) -> float:
        """Wait until it is done; gives the CPU seconds that the process has taken by then. Raises Failed."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            finished = await done()
            seconds = self.cpu()
            if finished:
                return seconds
            await asyncio.sleep(LOOK_SECONDS)
        raise self._failed(f"was not done in {LIMIT:.0f} s")

    def terminate(self) -> None:
        """Ask the process to end; ``stop`` waits for that."""
        self._process.terminate()

    def stop(self) -> None:
        """End the process and wait for it."""
        os.close(self._ready)
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _failed(self, what: str) -> Failed:
        return Failed(f"{self._process.args!r} {what}: {self._said.read_text(errors='replace')[-4000:]}")


@contextmanager
def measured(
    module: str,
    folder: Path,
    settings: Mapping[str, str],
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    core: int | None = None,
) -> Iterator[Measured]:
    """Run ``python -m module`` for the block, with Faultline's settings by their names without prefix.

    With ``core`` all of it runs on that one core.
    """
    named_settings = {f"FAULTLINE_{name}": value for name, value in settings.items()}
    own = {"PYTHONPATH": str(ROOT), "FAULTLINE_DATA": str(folder)}
    with nullcontext() if core is None else cpu.cores(core):
        process = Measured(module, folder, {**own, **named_settings, **(environ or {})}, arguments)
    try:
        yield process
    finally:
        process.stop()
