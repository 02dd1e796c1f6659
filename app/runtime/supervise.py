"""Supervises child processes: start, readiness, log file, restart with backoff, stop.

Children report readiness, and notice the supervisor's end, as ``app.runtime.parent`` describes.
"""

import asyncio
import contextlib
import json
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

import structlog

from app.runtime.parent import PARENT_FD, READY_FD

FIRST_DELAY: Final = 0.2
LONGEST_DELAY: Final = 10.0
STEADY_SECONDS: Final = 30.0
"""A child that ran for so long starts again after FIRST_DELAY when it ends."""

START_ATTEMPTS: Final = 3
"""A child that ends so often before it was ever ready is given up: a port in use or a setting does not mend itself."""

LOG_BYTES: Final = 10 << 20
LOG_FILES: Final = 2

log = structlog.get_logger()


class NeverReady(Exception):
    """A child ended START_ATTEMPTS times before it was ever ready; the text holds the end of its log."""

    code = "child_never_ready"


class Child:
    """A supervised child: one process at a time, the next one when it ends.

    ``environment`` is called before each start; ``on_ready`` is called after each readiness.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log_file: Path,
        environment: Callable[[], Mapping[str, str]],
        on_ready: Callable[["Child"], None],
    ) -> None:
        self.name = name
        self.pid: int | None = None
        self.reported: Mapping[str, Any] = {}
        """What the running process reported when it was ready; empty before."""
        self._command = command
        self._log_file = log_file
        self._environment = environment
        self._on_ready = on_ready
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._was_ready = False
        self._last_lines: deque[bytes] = deque(maxlen=20)

    async def keep(self, parent_fd: int) -> None:
        """Run the process, and the next one whenever it ends, until ``stop``. Raises NeverReady."""
        delay, attempts = FIRST_DELAY, 0
        while not self._stopping:
            began = time.monotonic()
            code = await self._run(parent_fd)
            attempts += 1
            if self._stopping:
                return
            if not self._was_ready and attempts >= START_ATTEMPTS:
                text = b"".join(self._last_lines).decode(errors="replace")
                raise NeverReady(f"{self.name} does not start (exit code {code}):\n{text}")
            delay = FIRST_DELAY if time.monotonic() - began > STEADY_SECONDS else delay
            log.error("child_ended", child=self.name, code=code, again_in=delay)
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY)

    async def stop(self, patience: float) -> None:
        """Send SIGTERM, and SIGKILL where the process runs on after ``patience`` s."""
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(patience):
                await process.wait()
        except TimeoutError:
            log.error("child_killed", child=self.name, after=patience)  # noqa: TRY400  the time-out is all there is
            self.kill()

    def kill(self) -> None:
        """Send SIGKILL."""
        self._stopping = True
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _run(self, parent_fd: int) -> int:
        """Run one process to its end and return its exit code."""
        reading, writing = os.pipe()
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *self._command,
                env={
                    **self._environment(),
                    READY_FD: str(writing),
                    PARENT_FD: str(parent_fd),
                },
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(writing, parent_fd),
                start_new_session=True,  # Ctrl-C at the terminal goes to the supervisor alone
            )
        finally:
            os.close(writing)
        self.pid = process.pid
        copying = asyncio.create_task(self._copy_log(process))
        await self._await_ready(reading)
        code = await process.wait()
        await copying
        self.pid, self.reported = None, {}
        return code

    async def _await_ready(self, fd: int) -> None:
        """Read the line that reports readiness; a process that ends before writes none."""
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(fd, "rb", 0)
        )
        line = await stream.readline()
        transport.close()
        if line:
            self.reported = json.loads(line)
            self._was_ready = True
            self._on_ready(self)

    async def _copy_log(self, process: asyncio.subprocess.Process) -> None:
        """Append the output of the process to its log file, which is bounded in size."""
        handler = RotatingFileHandler(self._log_file, maxBytes=LOG_BYTES, backupCount=LOG_FILES, errors="replace")
        handler.terminator = ""
        self._last_lines.clear()
        assert process.stdout is not None  # noqa: S101  it was asked for above
        while data := await process.stdout.read(1 << 16):
            handler.emit(logging.makeLogRecord({"msg": data.decode(errors="replace")}))
            self._last_lines.extend(data.splitlines(keepends=True))
        handler.close()
