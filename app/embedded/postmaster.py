"""What postmaster.pid says of a server, and ending one that a killed installation left behind."""

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
    """A server, as its file tells (PostgreSQL's miscadmin.h, LOCK_FILE_LINE_*)."""

    pid: int
    socket_dir: Path
    ready: bool


def read(data: Path) -> Postmaster | None:
    """Read postmaster.pid; None where there is none, or it is being written."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        return Postmaster(int(lines[0]), Path(lines[4].strip()), lines[7].strip() == "ready")
    except (FileNotFoundError, IndexError, ValueError):
        return None


def processes(data: Path) -> list[psutil.Process]:
    """Give the processes of a server on this cluster: each has it as its working folder."""
    found = []
    place = data.resolve()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.name().startswith("postgres") and Path(process.cwd()) == place:
                found.append(process)
    return found


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that is dead and waits for its parent to look does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def end_left_over(data: Path) -> None:
    """End the server that was left when its owner was killed, and remove a file that names a foreign process.

    Only for who holds the folder's lock. A file of a process that is gone is PostgreSQL's own to judge: it looks
    whether anything still uses the cluster's shared memory.
    """
    told = read(data)
    left = processes(data)
    _signal([process for process in left if told is not None and process.pid == told.pid], signal.SIGINT)
    if not _gone(data):
        _signal(processes(data), signal.SIGKILL)
        if not _gone(data):
            raise EmbeddedError(f"a PostgreSQL on {data} does not end: process {processes(data)[0].pid}")
    if told is not None and psutil.pid_exists(told.pid):
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
