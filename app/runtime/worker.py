"""Composition root of the workers: which roles run in this process, and how it starts, says so, and ends.

``faust -A app worker`` and ``python -m app.runtime.worker`` both end up here. Agents and tables are imported by name:
what cannot be imported is fatal, nothing is discovered.
"""

import asyncio
import gc
import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NoReturn

import asyncpg
import faust.worker
import msgspec
from mode import Service, ServiceT

import agents
import app as package
import tables
from app import settings as settings_of
from app import topics
from app.log.contract import LogError
from app.log.generations import Working, working_generation
from app.log.kafka.quiet import quieten
from app.log.open import log_identity
from app.runtime.worker_http import Outlook
from app.settings import Settings, SettingsError
from app.stream.faust_app import FaustApp
from app.stream.role import Process, RoleApp, process_of

CONSUMED: Final[Mapping[str, frozenset[str]]] = {
    "crashes": frozenset({topics.CRASHES}),
    "sessions": frozenset({topics.SESSIONS}),
    "timings": frozenset({topics.TIMINGS}),
    "rates": frozenset({topics.DELTAS}),
    "archive": frozenset({topics.PROCESSED}),
    "search": frozenset({topics.PROCESSED}),
}
"""By role the topics that its agents must have registered for; another set means that a part is missing."""

ROLES: Final = tuple(CONSUMED)

READY_FD: Final = "FAULTLINE_READY_FD"
"""Names the file descriptor that gets the line ``{"ready": true}`` once all roles consume."""

PARENT_FD: Final = "FAULTLINE_PARENT_FD"
"""Names the read end of a pipe that the parent holds open: at its end the worker stops."""

STOP_SECONDS: Final = 10.0
"""What a stop may take beyond draining before the process ends itself: connections time out sooner."""

log = logging.getLogger(__name__)


class WrongParts(Exception):
    """What was imported is not this Faultline, or not all of it."""


def build(settings: Settings) -> list[RoleApp]:
    """Make the App of each selected role. Raises SettingsError for an unknown role, WrongParts, ImportError."""
    names = settings.role_names
    unknown = [name for name in names if name not in CONSUMED]
    if unknown or not names:
        raise SettingsError(f"roles: unknown role {', '.join(unknown) or '(none)'}; there are {', '.join(ROLES)}")
    _check_ours()
    process = open_process(settings)
    return [_role(name, process) for name in dict.fromkeys(names)]


def open_process(settings: Settings) -> Process:
    """Find the database and the generation of the log that is worked on; blocks.

    Raises SettingsError, OSError, LogError, asyncpg's errors.
    """
    url = _database(settings)
    with ThreadPoolExecutor(1) as thread:  # a loop of its own: this runs while modules are imported
        (generation, deltas), log_id = thread.submit(asyncio.run, _open_generation(url, settings)).result()
    return Process(msgspec.structs.replace(settings, database=url), generation, log_id, deltas)


def _role(name: str, process: Process) -> RoleApp:
    module = importlib.import_module(f"agents.{name}")
    role = RoleApp(name, process)
    module.setup(role)
    if role.consumed != CONSUMED[name]:
        raise WrongParts(f"role {name} consumes {sorted(role.consumed)}, not {sorted(CONSUMED[name])}")
    return role


def _check_ours() -> None:
    """Refuse packages of these common names that belong to another distribution."""
    [home] = package.__path__
    for other in (agents, tables):
        [path] = other.__path__
        if Path(path).parent != Path(home).parent:
            raise WrongParts(f"{other.__name__} is imported from {path}, which is not Faultline's")


def _database(settings: Settings) -> str:
    scheme, _, folder = settings.database_url.partition("://")
    if scheme != "embedded":
        return settings.database_url
    from app.embedded import running_url  # noqa: PLC0415  only where the embedded server is used

    url: str | None = running_url(folder)
    if url is None:
        raise SettingsError(f"no PostgreSQL runs in {folder}: start it by `faultline up`, or set FAULTLINE_DATABASE")
    return url


async def _open_generation(url: str, settings: Settings) -> tuple[Working, str]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        generation = await working_generation(connection, settings)
        database = str(await connection.fetchval("select id from log_identity"))
        return generation, await log_identity(settings, database)
    finally:
        await connection.close()


class Roles(Service):
    """The Apps of all roles of the process, started and stopped side by side."""

    def __init__(self, apps: Sequence[FaustApp], **kwargs: Any) -> None:  # noqa: ANN401  mode's own arguments
        """Take the Apps."""
        super().__init__(**kwargs)
        self._apps = apps

    async def on_start(self) -> None:
        """Start every App, then say that all of them consume."""
        for app in self._apps:
            app.finalize()
            app.in_worker = True
            app.beacon.reattach(self.beacon)
        await asyncio.gather(*(app.maybe_start() for app in self._apps))
        if not self.should_stop:
            gc.collect()
            gc.freeze()
            _say_ready()
            log.info("ready: %s", ", ".join(app.role_app.role for app in self._apps))

    async def on_stop(self) -> None:
        """Stop every App."""
        await asyncio.gather(*(app.stop() for app in self._apps))


class RoleWorker(faust.worker.Worker):
    """A process of roles. Exits 0 when it was asked to stop, 1 after anything fatal."""

    app: FaustApp

    def __init__(self, app: FaustApp, *services: ServiceT, **kwargs: Any) -> None:  # noqa: ANN401  Faust's own arguments
        """Take the App that the command line found; its siblings come along."""
        app.conf.web_enabled = False  # the command line switches it on
        super().__init__(app, *services, **kwargs)
        self._outlook = Outlook(process_of(app), beacon=self.beacon)
        self._roles = Roles([role.faust for role in process_of(app).roles], beacon=self.beacon)

    def on_init_dependencies(self) -> Iterable[ServiceT]:
        """Start the roles as one service instead of one after another, and before them what tells how they do."""
        return [*self.services, self._outlook, self._roles]

    async def default_on_first_start(self) -> None:
        """Watch the parent besides what every worker does first."""
        await super().default_on_first_start()
        fd = os.environ.get(PARENT_FD)
        if fd is not None:
            self.loop.add_reader(int(fd), self._on_parent, int(fd))

    def _on_parent(self, fd: int) -> None:
        if not os.read(fd, 1024):
            self.loop.remove_reader(fd)
            self._schedule_shutdown(signal.SIGTERM)

    def on_setup_root_logger(self, logger: logging.Logger, level: int) -> None:
        """Keep the steps of every service of Faust's out of the log, unless all is wanted."""
        super().on_setup_root_logger(logger, level)
        if level > logging.DEBUG:
            for name in ("faust", "mode"):
                logging.getLogger(name).setLevel(max(level, logging.WARNING))
            quieten(max(level, logging.WARNING))

    async def stop(self) -> None:
        """Stop, or end the process if that takes too long."""
        limit = threading.Timer(self.app.role_app.settings.drain_seconds + STOP_SECONDS, os._exit, [1])
        limit.daemon = True
        limit.start()
        await super().stop()

    async def _sentinel_task(self) -> None:
        """Do nothing: mode sleeps a second here before it closes the loop."""


def _say_ready() -> None:
    fd = os.environ.get(READY_FD)
    if fd is not None:
        os.write(int(fd), b'{"ready": true}\n')
        os.close(int(fd))


def run(roles: Sequence[RoleApp]) -> NoReturn:
    """Run these roles, all of one ``Process``, until a signal or something fatal; exits."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    first = roles[0]
    RoleWorker(first.faust, loglevel=first.settings.log_level, loop=loop).execute_from_commandline()


def main() -> NoReturn:
    """Run the roles that the settings select."""
    try:
        roles = build(settings_of.load())
    except (SettingsError, WrongParts) as error:
        sys.exit(f"faultline worker: {error}")
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
        sys.exit("faultline worker: the database has not the tables of this version: run `faultline migrate` first")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        sys.exit(f"faultline worker: the database cannot be used: {error}")
    except LogError as error:
        sys.exit(f"faultline worker: the log cannot be used: {error}")
    run(roles)


if __name__ == "__main__":
    main()
