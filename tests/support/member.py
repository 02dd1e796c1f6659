"""One process of a cluster, and its successors."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

WORDS: Final = 1500
"""Characters at the end of a log that show why its process ended."""

AGAIN_SECONDS: Final = 1.0
"""Seconds before a process that ended is started again."""

LEAVE_SECONDS: Final = 60.0
"""Seconds for a stop; a process whose stop takes too long ends itself sooner, with exit code 1."""


class Member:
    """A place in the cluster, named ``role-number``; ``folder`` takes its logs.

    The cluster's thread calls ``poll``; another thread may call everything else.
    """

    def __init__(self, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.role = name.rpartition("-")[0]
        self.wanted = False
        self.ready = False
        self.ends: list[int] = []
        self.failures = 0
        """Ends since it was last ready."""
        self._command, self._folder, self._environment = list(command), folder, dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._ready_fd: int | None = None
        self._runs = 0
        self._not_before = 0.0
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The process id, None where none runs."""
        process = self._process
        return None if process is None else process.pid

    def log(self) -> str:
        """Return the log of the present process, or of the last one."""
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""

    def last_words(self) -> str:
        """Return the end of the log of each process that it was, the newest last."""
        logs = sorted(self._folder.glob(f"{self.name}.*.log"), key=lambda log: log.stat().st_mtime)
        return "\n".join(log.read_text(errors="replace")[-WORDS:] for log in logs[-2:])

    def poll(self, parent_fd: int) -> None:
        """Record an end, start a wanted process, read its readiness."""
        with self._lock:
            if self._process is not None and self._process.poll() is not None:
                if self.wanted:
                    self.ends.append(self._process.returncode)
                    self.failures += 1
                self._forget()
                self._not_before = time.monotonic() + AGAIN_SECONDS
            if self.wanted and self._process is None and time.monotonic() >= self._not_before:
                self._start(parent_fd)
            self._read_ready()

    def kill(self) -> int:
        """Kill -9 the process and return the pid that it had."""
        with self._lock:
            assert self._process is not None
            self._process.kill()
            return self._process.pid

    def ask_to_end(self) -> "subprocess.Popen[bytes] | None":
        """Send SIGTERM, and do not start it again."""
        with self._lock:
            self.wanted = False
            if self._process is not None:
                self._process.send_signal(signal.SIGTERM)
            return self._process

    def leave(self) -> int:
        """End it by SIGTERM and return the exit code. Raises subprocess.TimeoutExpired."""
        process = self.ask_to_end()
        assert process is not None
        code = process.wait(LEAVE_SECONDS)
        with self._lock:
            if self._process is process:
                self._forget()
        return code

    def close(self) -> None:
        """Kill what is left."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.wait()
                self._forget()

    @property
    def _log_file(self) -> Path:
        return self._folder / f"{self.name}.{self._runs}.log"

    def _start(self, parent_fd: int) -> None:
        self._runs += 1
        self._ready_fd, writing = os.pipe()
        os.set_blocking(self._ready_fd, False)
        environment = {**self._environment, "FAULTLINE_READY_FD": str(writing), "FAULTLINE_PARENT_FD": str(parent_fd)}
        with self._log_file.open("ab") as output:
            self._process = subprocess.Popen(
                self._command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                pass_fds=[writing, parent_fd], start_new_session=True,
            )  # fmt: skip
        os.close(writing)

    def _read_ready(self) -> None:
        """Read the line that reports readiness, if it was written."""
        if self._ready_fd is not None and not self.ready:
            with suppress(BlockingIOError):
                self.ready = bool(os.read(self._ready_fd, 1024))
                self.failures *= not self.ready

    def _forget(self) -> None:
        self._process, self.ready = None, False
        if self._ready_fd is not None:
            os.close(self._ready_fd)
            self._ready_fd = None
