"""A Faultline whose roles run in processes of their own, several of each, on given stores.

Two ``faultline ingest`` on one port, one ``web``, one ``files``, and two ``worker --roles R`` for each role R. A thread
restarts processes that end by themselves, as an orchestrator does. All end with the process that started them.
"""

import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from tests.support.member import LEAVE_SECONDS, Member
from tests.support.ports import free_ports
from tests.support.site import Site, program, run

POLL_SECONDS: Final = 0.05
READY_SECONDS: Final = 240
"""For sixteen Python processes that start on two busy cores."""

HOPELESS: Final = 20
"""Ends of one process before it was ready after which it is given up."""

OWNS: Final = re.compile(r"faultline-(\w+) owns partitions \[([\d, ]*)\]")


class Cluster(Site):
    """The processes; a context manager that stops what it started.

    ``folder`` takes logs and local state, ``stores`` are the settings that name the stores. Each role has ``workers``
    processes.
    """

    def __init__(self, folder: Path, stores: Mapping[str, str], *, partitions: int = 8, workers: int = 2) -> None:
        self.folder = folder
        self._partitions = partitions
        self._roles = default_roles()
        self._ports = dict(zip(("ingest", "web", "files"), free_ports(3), strict=True))
        self.settings = {
            "FAULTLINE_DISK_RESERVE_MB": "64",
            "FAULTLINE_PARTITIONS": str(partitions),
            "FAULTLINE_URL": f"http://127.0.0.1:{self._ports['ingest']}",
            **stores,
        }
        self.members = {member.name: member for member in self._members(workers)}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="cluster", daemon=True)
        self._project: dict[str, Any] = {}
        self._token = ""

    @property
    def url(self) -> str:
        """The address of API and pages."""
        return self._address("web")

    @property
    def files_url(self) -> str:
        """The address of the file server."""
        return self._address("files")

    @property
    def ingest_url(self) -> str:
        """The address that SDKs send to."""
        return self._address("ingest")

    @property
    def token(self) -> str:
        """A token with all permissions."""
        return self._token

    @property
    def project(self) -> dict[str, Any]:
        """The first project, with its DSN and Raygun key."""
        return self._project

    @property
    def data(self) -> Path:
        """The data folder of commands; it stays empty."""
        return self.folder / "cli"

    def start(self) -> Self:
        """Migrate, make a project and a token, start every process, and wait until all are ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.command("migrate")
        number, name, dsn, raygun_key = self.command("project", "create", "Shop").splitlines()[-1].split("\t")
        self._project = {"id": int(number), "name": name, "dsn": dsn, "raygun_key": raygun_key}
        self._token = self.command("token", "create", "truth").strip()
        for member in self.members.values():
            member.wanted = True
        self._thread.start()
        self.wait_ready()
        return self

    def stop(self) -> None:
        """Stop all processes in order."""
        members = self.members.values()
        for member in members:
            member.ask_to_end()
        end = time.monotonic() + LEAVE_SECONDS
        while any(member.pid is not None for member in members) and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join()
        for member in members:
            member.close()

    def of(self, role: str) -> list[Member]:
        """Return the members of a role."""
        return [member for member in self.members.values() if member.role == role]

    def wait_ready(self) -> None:
        """Wait until every wanted member is ready and each group owns all partitions."""
        wanted = [member for member in self.members.values() if member.wanted]
        self._wait(lambda: all(member.ready for member in wanted), "readiness of all")
        for role in self._roles:
            self.wait_owned(role)

    def wait_owned(self, role: str) -> None:
        """Wait until the running members of a role own all partitions, by their last log lines."""
        self._wait(lambda: self.owned(role) == self._partitions, f"owners of all partitions for {role}")

    def owned(self, role: str) -> int:
        """Return how many partitions the running members of a role own, by their last log lines."""
        return len({number for member in self.of(role) if member.pid is not None for number in _owned(member, role)})

    def kill(self, name: str) -> float:
        """Kill -9 a worker and return the seconds until its group owns all partitions again."""
        begun = time.monotonic()
        member = self.members[name]
        old = member.kill()
        self._wait(lambda: member.pid != old, f"the end of {name}")
        self.wait_owned(member.role)
        return time.monotonic() - begun

    def ends(self) -> dict[str, list[int]]:
        """Return the exit codes of members that ended though they were wanted."""
        return {name: list(member.ends) for name, member in self.members.items() if member.ends}

    def last_words(self) -> str:
        """Return the last log lines of members that are not ready, or ended though they were wanted."""
        return "\n".join(
            f"-- {name}: ready {member.ready}\n{member.last_words()}"
            for name, member in self.members.items()
            if member.ends or not member.ready
        )

    def __enter__(self) -> Self:
        """Start."""
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def _members(self, workers: int) -> Iterator[Member]:
        for part, count in (("ingest", 2), ("web", 1), ("files", 1)):
            more = {"FAULTLINE_PORT": str(self._ports[part]), "FAULTLINE_REUSE_PORT": str(count > 1).lower()}
            for number in range(1, count + 1):
                yield self._member(f"{part}-{number}", [part], more)
        for role in self._roles:
            for number in range(1, workers + 1):
                yield self._member(f"{role}-{number}", ["worker", "--roles", role], {})

    def _member(self, name: str, arguments: Sequence[str], more: Mapping[str, str]) -> Member:
        environment = {**os.environ, **self.settings, **more, "FAULTLINE_DATA": str(self.folder / name)}
        return Member(name, [program(), *arguments], self.folder, environment)

    def _address(self, part: str) -> str:
        return f"http://127.0.0.1:{self._ports[part]}"

    def _keep(self) -> None:
        """Start wanted members that do not run, until the stop; members notice the end of this process by the pipe."""
        reading, writing = os.pipe()
        while not self._ending.wait(POLL_SECONDS):
            for member in self.members.values():
                member.poll(reading)
        os.close(writing)
        os.close(reading)

    def _wait(self, ready: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + READY_SECONDS
        while not ready():
            hopeless = any(member.failures >= HOPELESS for member in self.members.values())
            if hopeless or time.monotonic() > end:
                raise AssertionError(f"no {what}; ended: {self.ends()}\n{self.last_words()}")
            time.sleep(POLL_SECONDS)


def default_roles() -> list[str]:
    """Return the names of all roles: the default of FAULTLINE_ROLES."""
    rows = [line.split("\t") for line in run({}, "settings").splitlines()]
    (names,) = [row[2] for row in rows if row[0] == "FAULTLINE_ROLES"]
    return names.split(",")


def _owned(member: Member, role: str) -> set[int]:
    """Return the partitions that a process logged last as owned."""
    logged = [numbers for named, numbers in OWNS.findall(member.log()) if named == role]
    return {int(number) for number in logged[-1].split(",") if number.strip()} if logged else set()
