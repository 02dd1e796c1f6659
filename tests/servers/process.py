"""One server as a child process: started, stopped, killed, paused, and started again on the same ports and data.

It runs under the shim of the embedded PostgreSQL, which ends it when this process ends (also by ``kill -9``) and runs
it as an ordinary user where this process is root's.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from app.embedded import EmbeddedError, identity
from app.embedded.programs import shim
from tests.servers.cache import Unavailable

START_SECONDS: Final = 240.0
"""A JVM on a core that others use as well."""

PORT_TRIES: Final = 3
"""Another process may take a port after it was found free and before the server listens on it."""


class ServerFailed(Exception):
    """A server did not come up; the text ends with the last lines of its output."""


class Server:
    """A server process in ``folder``, reached at ``address``; ``answers`` returns whether it answers.

    Not safe for several threads; calls block until they are done (seconds).
    """

    def __init__(
        self,
        address: str,
        command: Sequence[str],
        folder: Path,
        answers: Callable[[], bool],
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.address = address
        self.folder = folder
        self._command = list(command)
        self._answers = answers
        self._environ = dict(environ or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._parent_pipe: int | None = None

    def start(self) -> None:
        """Start it where it does not run, and wait until it answers. Raises ServerFailed."""
        if self._process is None:
            self._spawn()
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"{self._command[0]}: {self._last_output()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Shut it down in order, and wait for its end."""
        self.resume()
        self._close_pipe()
        self._wait()

    def kill(self) -> None:
        """Send SIGKILL to it and its children."""
        self._signal(signal.SIGKILL)
        self._close_pipe()
        self._wait()

    def pause(self) -> None:
        """Make it hang: connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue it after a pause."""
        self._signal(signal.SIGCONT)

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process id of the shim above the server, None where none runs."""
        return None if self._process is None else self._process.pid

    def _spawn(self) -> None:
        reading, self._parent_pipe = os.pipe()
        with (self.folder / "output.log").open("ab") as output:
            self._process = subprocess.Popen(
                [*shim(_identity(self.folder), "--parent-fd", str(reading)), *self._command],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, pass_fds=[reading], cwd=self.folder,
                env={**os.environ, **self._environ}, start_new_session=True,
            )  # fmt: skip
        os.close(reading)

    def _signal(self, number: signal.Signals) -> None:
        """Signal the server and all its children: the shim made it the leader of a process group."""
        if self._process is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self._process.pid).children():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, number)

    def _close_pipe(self) -> None:
        if self._parent_pipe is not None:
            os.close(self._parent_pipe)
            self._parent_pipe = None

    def _wait(self) -> None:
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _last_output(self) -> str:
        return " | ".join((self.folder / "output.log").read_text(errors="replace").strip().splitlines()[-5:])


@contextlib.contextmanager
def served(name: str, make: Callable[[Path], Server]) -> Iterator[Server]:
    """Start a server in a temporary folder of its own, and end it and remove the folder with the block."""
    folder = Path(tempfile.mkdtemp(prefix=f"faultline-{name}-"))
    try:
        server = _started(folder, make)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(folder: Path, make: Callable[[Path], Server]) -> Server:
    for attempt in range(PORT_TRIES):
        place = folder / str(attempt)
        place.mkdir()
        server = make(place)
        try:
            server.start()
        except ServerFailed:
            if attempt == PORT_TRIES - 1:
                raise
        except BaseException:
            server.kill()
            raise
        else:
            return server
    raise AssertionError


def _identity(folder: Path) -> str:
    """Return the shim's identity to run the server as: Elasticsearch refuses root. Raises Unavailable."""
    try:
        who = identity.choose(folder, folder / "none")
    except EmbeddedError as error:
        raise Unavailable(str(error)) from error
    for path in (folder.parent, folder, *folder.rglob("*")):
        identity.prepare(who, path)
    return who
