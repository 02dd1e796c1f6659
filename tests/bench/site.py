"""The measured installation: PostgreSQL in a folder of its own, and processes with their CPU time and memory."""

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
"""Connections of one sender."""

LIMIT: Final = 600.0
"""Seconds within which a measured process must be done."""

POLL_SECONDS: Final = 0.1
STOP_SECONDS: Final = 30.0


class Failed(Exception):
    """A measured process ended early, answered wrongly, or was not done in time."""


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL server for the block; yield the URL of its database for administration."""
    server = EmbeddedPostgres(folder / "postgres")
    url = server.start()
    try:
        yield url
    finally:
        server.stop()


def named(url: str, database: str) -> str:
    """Return the URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


async def make(url: str, database: str, *, template: str = "template1") -> str:
    """Make a database; return its URL."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"create database {database} template {template}")
    finally:
        await connection.close()
    return named(url, database)


async def drop(url: str, database: str) -> None:
    """Drop a database and end its connections."""
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
    """Return whether each consumer group, in order, has committed all that its topic holds."""
    for group, topic in groups.items():
        committed = await log.committed(group, topic)
        bounds = await log.bounds(topic)
        if any(committed.get(number, bound.start) < bound.end for number, bound in bounds.items()):
            return False
    return True


class Sent(NamedTuple):
    """When a sender began and ended (s since the epoch), and its seconds of CPU."""

    began: float
    ended: float
    cpu: float


async def send(port: int, project: Project, count: int, seed: int) -> Sent:
    """Send events from another process. Raises Failed for an answer that is not 200."""
    arguments = [str(port), str(project.id), project.sentry_key, str(count), str(CONNECTIONS), str(seed)]
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.client", *arguments, cwd=ROOT, stdout=subprocess.PIPE
    )
    output, _ = await client.communicate()
    if client.returncode:
        raise Failed(f"sending {count} events to port {port}: exit code {client.returncode}, expected 0")
    return Sent(**json.loads(output))


class Measured:
    """A process of the installation, with its CPU time and memory as the operating system reports them."""

    def __init__(self, module: str, folder: Path, environ: Mapping[str, str], arguments: Sequence[str]) -> None:
        """Start ``python -m module`` in ``folder``, which is made where it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        reading, writing = os.pipe()
        self._output = folder / "output.txt"
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env={**os.environ, **environ, "FAULTLINE_READY_FD": str(writing)},
                cwd=folder, stdout=output, stderr=output, pass_fds=[writing],
            )  # fmt: skip
        os.close(writing)
        self._ready = reading
        self._system = psutil.Process(self._process.pid)
        self.peak = 0
        """Greatest resident set at any call of ``cpu``, bytes."""

    def wait_ready(self) -> bytes:
        """Return the line that the process writes to FAULTLINE_READY_FD once it works. Raises Failed."""
        line = os.read(self._ready, 1024)
        if not line:
            raise self._failed("ended before it was ready")
        return line

    def cpu(self) -> float:
        """Return the seconds of CPU so far, user and system, and note the peak of memory. Raises Failed."""
        if self._process.poll() is not None:
            raise self._failed("ended")
        self.peak = max(self.peak, self._system.memory_info().rss)
        times = self._system.cpu_times()
        return times.user + times.system

    def resident(self) -> int:
        """Return the bytes of the resident set now."""
        return int(self._system.memory_info().rss)

    async def until(self, done: Callable[[], Awaitable[bool]]) -> float:
        """Wait until ``done`` returns True; return the seconds of CPU by then. Raises Failed."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            finished = await done()
            seconds = self.cpu()
            if finished:
                return seconds
            await asyncio.sleep(POLL_SECONDS)
        raise self._failed(f"was not done in {LIMIT:.0f} s")

    def terminate(self) -> None:
        """Send SIGTERM; ``stop`` waits for the end."""
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
        return Failed(f"{self._process.args!r} {what}: {self._output.read_text(errors='replace')[-4000:]}")


@contextmanager
def measured(
    module: str,
    folder: Path,
    settings: Mapping[str, str],
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    core: int | None = None,
) -> Iterator[Measured]:
    """Run ``python -m module`` for the block, on one core where ``core`` names it.

    ``settings`` are Faultline's, by their names without prefix; ``environ`` is added as it is.
    """
    named_settings = {f"FAULTLINE_{name}": value for name, value in settings.items()}
    own = {"PYTHONPATH": str(ROOT), "FAULTLINE_DATA": str(folder)}
    with nullcontext() if core is None else cpu.cores(core):
        process = Measured(module, folder, {**own, **named_settings, **(environ or {})}, arguments)
    try:
        yield process
    finally:
        process.stop()
