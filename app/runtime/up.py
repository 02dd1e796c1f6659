"""``faultline up``: PostgreSQL, the server and the worker, supervised by one process until Ctrl-C.

Data folder and its lock -> PostgreSQL (embedded, unless a server is named) -> migrations, token, first project ->
server and worker, supervised -> ``faultline.json`` when both are ready. They stop in the opposite order.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec
import structlog
from rich.console import Console
from rich.table import Table

import app
from app.embedded import EmbeddedError, EmbeddedPostgres, FolderLock
from app.log.contract import LogUnavailable
from app.log.generations import working_generation
from app.postgres import AWAY
from app.roles import PART_NAMES
from app.runtime import installation as installed
from app.runtime import logs
from app.runtime.installation import Installation
from app.runtime.supervise import Child, NeverReady
from app.settings import Settings

STOP_SECONDS: Final = 12.0
"""Seconds beyond the drain time before a child is killed: a worker ends itself 10 s after the drain time."""

POLL_SECONDS: Final = 0.5
LOOPBACK: Final = "127.0.0.1"

log = structlog.get_logger()


def run(settings: Settings) -> int:
    """Run everything until SIGINT or SIGTERM; return the exit code: 0, or 1 where it cannot be started."""
    os.umask(0o077)
    logs.configure(settings.log_level)
    data = settings.data_dir
    lock = FolderLock(data / "lock")
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire()
    except EmbeddedError as error:
        return _failed(str(error))
    except OSError as error:
        return _failed(f"the data folder {data} cannot be used: {error.strerror}")
    try:
        (data / "faultline.json").unlink(missing_ok=True)
        (data / "logs").mkdir(exist_ok=True)
        return _with_database(settings)
    except (EmbeddedError, NeverReady) as error:
        return _failed(str(error))
    except (*AWAY, asyncpg.PostgresError) as error:
        return _failed(f"the database cannot be used: {error}")
    finally:
        (data / "faultline.json").unlink(missing_ok=True)
        lock.release()


def _failed(text: str) -> int:
    Console(stderr=True, soft_wrap=True).print(f"faultline: {text}", style="red", markup=False, highlight=False)
    return 1


def _with_database(settings: Settings) -> int:
    scheme, _, folder = settings.database_url.partition("://")
    if scheme != "embedded":
        return asyncio.run(Up(settings, settings.database_url, None).run())
    server = EmbeddedPostgres(Path(folder), log_file=settings.data_dir / "logs" / "postgres.log")
    url = server.start()
    try:
        return asyncio.run(Up(settings, url, server).run())
    finally:
        server.stop()


class Up:
    """One run of everything on the database at ``url``; ``server`` is the embedded one, None for a server elsewhere."""

    def __init__(self, settings: Settings, url: str, server: EmbeddedPostgres | None) -> None:
        self._settings = settings
        self._url = url
        self._server = server
        self._port = settings.port
        self._greeted = False
        self._stop = asyncio.Event()
        self._worker_url = ""
        self._web = self._child("server", "app.runtime.server", self._environment)
        self._worker = self._child("worker", "app.runtime.worker", self._worker_environment)

    async def run(self) -> int:
        """Prepare the database, supervise the children, and stop them after a signal."""
        self._installation = await installed.prepare(self._url, self._settings.data_dir / "token")
        with suppress(LogUnavailable):  # the children wait for it
            await _check_log(self._url, self._settings)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)
        reading, writing = os.pipe()
        jobs: list[Coroutine[Any, Any, None]] = [
            self._web.keep(reading),
            self._worker.keep(reading),
            self._keep_postgres(),
        ]
        tasks = [asyncio.create_task(job) for job in jobs]
        stopping = asyncio.create_task(self._stop.wait())
        try:
            done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            patience = self._settings.drain_seconds + STOP_SECONDS
            await asyncio.gather(self._web.stop(patience), self._worker.stop(patience))
            for task in (*tasks, stopping):
                task.cancel()
            await asyncio.gather(*tasks, stopping, return_exceptions=True)
            os.close(writing)
            os.close(reading)
        return 0

    def _on_signal(self) -> None:
        """Stop in order at the first signal; kill the children at the second."""
        if self._stop.is_set():
            self._web.kill()
            self._worker.kill()
        self._stop.set()

    def _child(self, name: str, module: str, environment: Callable[[], Mapping[str, str]]) -> Child:
        # -P: the working folder may hold another package named ``app``.
        command = [sys.executable, "-P", "-m", module]
        return Child(name, command, self._settings.data_dir / "logs" / f"{name}.log", environment, self._ready)

    def _environment(self) -> Mapping[str, str]:
        """Return the environment of a child: all settings as they are now. A secret never stands on a command line."""
        root = str(Path(next(iter(app.__path__))).parent)
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            **os.environ,
            **{f"FAULTLINE_{field.name.upper()}": str(getattr(self._settings, field.name))
               for field in msgspec.structs.fields(self._settings)},
            "FAULTLINE_DATA": str(self._settings.data_dir),
            "FAULTLINE_DATABASE": self._url,
            "FAULTLINE_PORT": str(self._port),
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONUNBUFFERED": "1",
        }  # fmt: skip

    def _worker_environment(self) -> Mapping[str, str]:
        """Add a port for the worker's metrics: the one that is set, else a free one of the loopback interface."""
        host, port = self._settings.host, self._settings.worker_port
        if not port:
            host, port = LOOPBACK, free_port()
        self._worker_url = installed.address(msgspec.structs.replace(self._settings, host=host, url=""), port)
        return {**self._environment(), "FAULTLINE_HOST": host, "FAULTLINE_WORKER_PORT": str(port)}

    def _ready(self, child: Child) -> None:
        """Note a child that is ready; once both are, print the addresses and write ``faultline.json``."""
        log.info("child_ready", child=child.name, pid=child.pid)
        self._port = self._web.reported.get("port", self._port)
        self._describe()

    def _describe(self) -> None:
        """Write ``faultline.json`` while both children are ready; print the addresses the first time."""
        if not (self._web.reported and self._worker.reported):
            return
        url = installed.address(self._settings, self._port)
        description = installed.describe(self._installation, url, self._pids(), {"worker": self._worker_url})
        installed.write_description(self._settings.data_dir / "faultline.json", description)
        if not self._greeted:
            self._greeted = True
            _greet(self._installation, url)

    def _pids(self) -> dict[str, int]:
        roles = {
            **dict.fromkeys(self._settings.role_names, self._worker.pid),
            **dict.fromkeys(PART_NAMES, self._web.pid),
            "postgres": self._server.pid if self._server else None,
        }
        return {role: pid for role, pid in roles.items() if pid is not None}

    async def _keep_postgres(self) -> None:
        """Restart an embedded server that ended; the children connect to it at the same address."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if self._server is not None and self._server.poll() is not None:
                log.error("postgres_ended", code=self._server.poll())
                await asyncio.to_thread(self._server.start)
                self._describe()


async def _check_log(url: str, settings: Settings) -> None:
    """Raise SettingsError where the settings name another log than that of the working generation."""
    connection = await asyncpg.connect(url)
    try:
        await working_generation(connection, settings)
    finally:
        await connection.close()


def free_port() -> int:
    """Return a port of the loopback interface that no process listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _greet(installation: Installation, url: str) -> None:
    """Print the addresses and keys to begin with; plain lines where the output is not a terminal."""
    console = Console(soft_wrap=True)
    rows = installed.lines(installation, url)
    if not console.is_terminal:
        for name, value in rows:
            console.print(f"{name}: {value}", markup=False, highlight=False)
        return
    table = Table(title="Faultline is ready (Ctrl-C ends it)", show_header=False, title_justify="left")
    for name, value in rows:
        table.add_row(name, value)
    console.print(table)
