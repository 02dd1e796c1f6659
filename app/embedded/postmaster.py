"""Reads postmaster.pid, and ends a server that a killed installation left behind."""

import contextlib
import signal
import time
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from app.embedded.errors import EmbeddedError

STOP_SECONDS: Final = 30.0
"""For a fast shutdown with its checkpoint; then the processes are killed, and the next start recovers from the WAL."""


class Postmaster(NamedTuple):
    """A server as postmaster.pid describes it (PostgreSQL's miscadmin.h, LOCK_FILE_LINE_*)."""

    pid: int
    socket_dir: Path
    ready: bool


def read(data: Path) -> Postmaster | None:
    """Read postmaster.pid; return None where there is none, or it is being written."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        return Postmaster(int(lines[0]), Path(lines[4].strip()), lines[7].strip() == "ready")
    except (FileNotFoundError, IndexError, ValueError):
        return None


def processes(data: Path) -> list[psutil.Process]:
    """Return the processes of a server on this cluster: each has it as its working folder."""
    servers = []
    folder = data.resolve()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.name().startswith("postgres") and Path(process.cwd()) == folder:
                servers.append(process)
    return servers


def alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def end_left_over(data: Path) -> None:
    """End the server that was left when its owner was killed, and remove a file that names a foreign process.

    The caller holds the folder's lock. A file that names a process which is gone stays: PostgreSQL itself checks
    whether anything still uses the cluster's shared memory, and removes it.
    """
    described = read(data)
    left = processes(data)
    _signal([process for process in left if described is not None and process.pid == described.pid], signal.SIGINT)
    if not _gone(data):
        _signal(processes(data), signal.SIGKILL)
        if not _gone(data):
            raise EmbeddedError(f"a PostgreSQL on {data} does not end: process {processes(data)[0].pid}")
    if described is not None and psutil.pid_exists(described.pid):
        (data / "postmaster.pid").unlink(missing_ok=True)


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _gone(data: Path) -> bool:
    deadline = time.monotonic() + STOP_SECONDS
    while processes(data):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
