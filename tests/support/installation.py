"""A whole Faultline in a folder of its own, started as a user starts it; tests use its addresses and pids only."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil

from tests.support.site import Site, program

READY_SECONDS = 90
STOP_SECONDS = 40


class Installation(Site):
    """``faultline up`` on a data folder, with settings beyond the defaults; a context manager that stops it."""

    def __init__(self, data: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = data
        self.settings = {"FAULTLINE_DISK_RESERVE_MB": "64", **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it and wait until it is ready."""
        self.data.mkdir(parents=True, exist_ok=True)
        began = time.time()
        with (self.data / "up.log").open("ab") as log:
            command = [program(), "up", "--data", str(self.data), "--port", "0"]
            environment = {**os.environ, **self.settings}
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        self._wait(lambda: self._described_since(began), "faultline.json")
        return self

    def _described_since(self, began: float) -> bool:
        """Return whether this run wrote the description: one that was killed leaves its own behind."""
        described = self.data / "faultline.json"
        return described.exists() and described.stat().st_mtime > began

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder

    @property
    def facts(self) -> dict[str, Any]:
        """The present content of ``faultline.json``."""
        content: dict[str, Any] = json.loads((self.data / "faultline.json").read_text())
        return content

    @property
    def url(self) -> str:
        """The address of ingest, API and pages."""
        return str(self.facts["url"]).rstrip("/")

    @property
    def ingest_url(self) -> str:
        """The address that SDKs send to."""
        return self.url

    @property
    def files_url(self) -> str:
        """The address of the file server."""
        return self.url

    @property
    def token(self) -> str:
        """The token with all permissions."""
        return str(self.facts["token"])

    @property
    def project(self) -> dict[str, Any]:
        """The first project, with its DSN and Raygun key."""
        project: dict[str, Any] = self.facts["projects"][0]
        return project

    def kill(self, role: str) -> int:
        """Kill -9 the process of a role and return the pid it had."""
        pid = int(self.facts["pids"][role])
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_postgres(self) -> int:
        """Kill -9 every process of the embedded PostgreSQL at once and return the pid that its first one had."""
        pid = int(self.facts["pids"]["postgres"])
        postmaster = psutil.Process(pid)
        for process in (postmaster, *postmaster.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return pid

    def kill_everything(self) -> None:
        """Kill -9 the supervisor and every process that it started, at once."""
        assert self._process is not None
        pids = {int(pid) for pid in self.facts["pids"].values()} | {self._process.pid}
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def wait_restarted(self, role: str, old: int) -> None:
        """Wait until a role has another pid than ``old``."""

        def restarted() -> bool:
            try:
                return int(self.facts["pids"][role]) != old
            except (FileNotFoundError, KeyError, json.JSONDecodeError):
                return False

        self._wait(restarted, f"a new {role} process")

    def stop(self) -> int:
        """Stop it as Ctrl-C does and return the exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(STOP_SECONDS)
        finally:
            if self._process.poll() is None:
                self._process.kill()
            self._process = None

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def _wait(self, ready: Any, what: str) -> None:  # noqa: ANN401  a predicate
        assert self._process is not None
        end = time.monotonic() + READY_SECONDS
        while not ready():
            if self._process.poll() is not None or time.monotonic() > end:
                tail = (self.data / "up.log").read_text(errors="replace")[-4000:]
                raise AssertionError(f"no {what} (exit code {self._process.poll()}):\n{tail}")
            time.sleep(0.05)
