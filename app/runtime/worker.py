"""Composition root of the workers: the roles of one process, and how it starts, reports readiness, and ends.

``faultline worker``, ``python -m app.runtime.worker`` and ``faust -A app worker`` all end up here. Agents and tables
are imported by name: a module that cannot be imported is fatal, and nothing is discovered.
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
from app.log.contract import LogError
from app.log.generations import Working, working_generation
from app.log.open import log_identity
from app.postgres import AWAY
from app.roles import HOUSEKEEPER, ROLE_NAMES, ROLES
from app.runtime import logs
from app.runtime.connect import database_url
from app.runtime.housekeeping import keeping
from app.runtime.kinship import comparing
from app.runtime.loop import new_loop
from app.runtime.parent import on_parent_end, report_ready
from app.runtime.worker_http import StatusServer
from app.settings import Settings, SettingsError
from app.stream.faust_app import FaustApp
from app.stream.role import Process, RoleApp, process_of

CONSUMED: Final[Mapping[str, frozenset[str]]] = {role.name: frozenset({role.topic}) for role in ROLES}
"""By role the topics that its agents must have registered for; another set means that a part is missing."""

STOP_SECONDS: Final = 10.0
"""Seconds beyond the drain time after which a stop ends the process: connections time out sooner."""

log = logging.getLogger(__name__)


class WrongParts(Exception):
    """An imported package is not this Faultline's, or a role is not complete."""

    code = "wrong_parts"


def build(settings: Settings) -> list[RoleApp]:
    """Make the App of each selected role. Raises SettingsError for an unknown role, WrongParts, ImportError."""
    names = settings.role_names
    unknown = [name for name in names if name not in CONSUMED]
    if unknown or not names:
        raise SettingsError(f"roles: unknown role {', '.join(unknown) or '(none)'}; there are {', '.join(ROLE_NAMES)}")
    _check_ours()
    process = open_process(settings)
    return [_role(name, process) for name in dict.fromkeys(names)]


def open_process(settings: Settings) -> Process:
    """Find the database and the working generation of the log; blocks.

    Raises SettingsError, OSError, LogError, asyncpg's errors.
    """
    url = database_url(settings)
    with ThreadPoolExecutor(1) as thread:  # a loop of its own: this runs while modules are imported
        (generation, deltas), log_id = thread.submit(asyncio.run, _open_generation(url, settings)).result()
    return Process(msgspec.structs.replace(settings, database=url), generation, log_id, deltas)


def _role(name: str, process: Process) -> RoleApp:
    module = importlib.import_module(f"agents.{name}")
    role = RoleApp(name, process)
    module.setup(role)
    if role.consumed != CONSUMED[name]:
        raise WrongParts(f"role {name} consumes {sorted(role.consumed)}, expected {sorted(CONSUMED[name])}")
    if name == HOUSEKEEPER:
        role.resource("housekeeping", lambda: keeping(role.settings, role.log))
        role.resource("kinship", lambda: comparing(role.settings))
    return role


def _check_ours() -> None:
    """Refuse packages of these common names that belong to another distribution."""
    [home] = package.__path__
    for other in (agents, tables):
        [path] = other.__path__
        if Path(path).parent != Path(home).parent:
            raise WrongParts(f"{other.__name__} is imported from {path}, expected beside {home}")


async def _open_generation(url: str, settings: Settings) -> tuple[Working, str]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        generation = await working_generation(connection, settings)
        database = str(await connection.fetchval("select id from log_identity"))
        return generation, await log_identity(settings, database)
    finally:
        await connection.close()


class Roles(Service):
    """Runs the Apps of all roles of the process side by side."""

    def __init__(self, apps: Sequence[FaustApp], **kwargs: Any) -> None:  # noqa: ANN401  mode's own arguments
        super().__init__(**kwargs)
        self._apps = apps

    async def on_start(self) -> None:
        """Start every App, then report that all of them consume."""
        for app in self._apps:
            app.finalize()
            app.in_worker = True
            app.beacon.reattach(self.beacon)
        await asyncio.gather(*(app.maybe_start() for app in self._apps))
        if not self.should_stop:
            gc.collect()
            gc.freeze()  # what the start made lives as long as the process: the collector need not walk it again
            report_ready({"ready": True})
            log.info("ready: %s", ", ".join(app.role_app.role for app in self._apps))

    async def on_stop(self) -> None:
        """Stop every App."""
        await asyncio.gather(*(app.stop() for app in self._apps))


class RoleWorker(faust.worker.Worker):
    """A process of roles. Exits 0 after a signal or the end of its parent, 1 after anything fatal.

    Faust's command line makes it for the first App; the roles that share its ``Process`` come along.
    """

    app: FaustApp

    def __init__(self, app: FaustApp, *services: ServiceT, **kwargs: Any) -> None:  # noqa: ANN401  Faust's own arguments
        app.conf.web_enabled = False  # Faust's command line switches it on
        super().__init__(app, *services, **kwargs)
        self.quiet = True  # no banner, no spinner: stdout stays empty
        self.spinner = None
        self._status_server = StatusServer(process_of(app), beacon=self.beacon)
        self._roles = Roles([role.faust for role in process_of(app).roles], beacon=self.beacon)

    def on_init_dependencies(self) -> Iterable[ServiceT]:
        """Start the status server first, then the roles as one service instead of one after another."""
        return [*self.services, self._status_server, self._roles]

    async def default_on_first_start(self) -> None:
        """Watch the parent besides what every worker does first."""
        await super().default_on_first_start()
        on_parent_end(self.loop, lambda: self._schedule_shutdown(signal.SIGTERM))

    def _setup_logging(self) -> None:
        """Log as every process of Faultline does; Faust would configure a style of its own, partly to stdout."""
        level = self.loglevel or self.app.role_app.settings.log_level
        logs.configure(logging.getLevelName(level) if isinstance(level, int) else level)

    async def stop(self) -> None:
        """Stop, or end the process where that takes too long."""
        limit = threading.Timer(self.app.role_app.settings.drain_seconds + STOP_SECONDS, os._exit, [1])
        limit.daemon = True
        limit.start()
        await super().stop()

    async def _sentinel_task(self) -> None:
        """Do nothing: mode sleeps a second here before it closes the loop."""


def run(roles: Sequence[RoleApp]) -> NoReturn:
    """Run these roles, all of one ``Process``, until a signal or something fatal; exits."""
    loop = new_loop()
    asyncio.set_event_loop(loop)
    first = roles[0]
    RoleWorker(first.faust, loglevel=first.settings.log_level, loop=loop).execute_from_commandline()


def main() -> NoReturn:
    """Run the roles that the settings select."""
    logs.configure()
    try:
        settings = settings_of.load()
        logs.configure(settings.log_level)
        roles = build(settings)
    except (SettingsError, WrongParts) as error:
        sys.exit(f"faultline worker: {error}")
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
        sys.exit("faultline worker: the database has not the tables of this version: run `faultline migrate` first")
    except (*AWAY, asyncpg.PostgresError) as error:
        sys.exit(f"faultline worker: the database cannot be used: {error}")
    except LogError as error:
        sys.exit(f"faultline worker: the log cannot be used: {error}")
    run(roles)


if __name__ == "__main__":
    main()
