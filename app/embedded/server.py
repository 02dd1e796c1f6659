"""One PostgreSQL in one folder: made once, started, stopped, and ended when its owner ends.

The folder (mode 0700) holds ``data`` (the cluster), ``password``, ``lock``, ``socket`` and ``postgres.log``. The server
does not listen on TCP: clients need the Unix socket, in a folder that only its owner can open, and the password. The
folder may be moved while no server runs: every start names all paths anew.
"""

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

from app.embedded import identity, postmaster
from app.embedded.errors import EmbeddedError
from app.embedded.lock import FolderLock
from app.embedded.programs import MAJOR, program, run, shim
from app.private_files import write_private

USER: Final = "faultline"
SOCKET_PREFIX: Final = "faultline-socket-"
MAX_SOCKET_PATH: Final = 103
"""Bytes of a Unix socket's path: sun_path has 104 on macOS, 108 on Linux, with its final zero."""

SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "cluster_name": USER,
    "max_connections": "200",
    "shared_buffers": "128MB",
    "min_wal_size": "64MB",
    "max_wal_size": "512MB",  # of disk, and of recovery after a kill: a few seconds
    "checkpoint_timeout": "15min",  # each checkpoint has every page that changes after it written whole
    "bgwriter_delay": "2s",  # it wakes up each time; pages are written by checkpoints as well
    "wal_writer_delay": "500ms",  # until commits are on disk that need not be at once
    "wal_compression": "on",
    "fsync": "on",
    "synchronous_commit": "on",
    "jit": "off",  # no query of Faultline's runs long enough to pay for it
    "max_parallel_workers_per_gather": "0",  # two cores, shared with everything else; containers lack shared memory
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_error_verbosity": "terse",  # details quote rows, and rows hold what users sent
    "log_min_error_statement": "panic",  # statements hold it too
}


class EmbeddedPostgres:
    """A server that this process owns, in a folder of its own. Not safe for several threads.

    Its log, bounded in size, goes to ``log_file``, by default ``postgres.log`` in the folder.
    """

    def __init__(self, folder: Path, *, log_file: Path | None = None) -> None:
        self._folder = folder.expanduser().absolute()
        self._data = self._folder / "data"
        self._log = log_file or self._folder / "postgres.log"
        self._lock = FolderLock(self._folder / "lock")
        self._process: subprocess.Popen[bytes] | None = None
        self._parent_pipe: int | None = None
        self._socket = self._folder / "socket"

    def start(self) -> str:
        """Start the server, making the cluster first where there is none; return its URL once it answers.

        May be called again after the server ended. Raises EmbeddedError.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        url = running_url(self._folder)
        if url is None:
            raise EmbeddedError(f"PostgreSQL ended again at once; its log: {self._log}")
        return url

    def stop(self) -> None:
        """Shut down, bounded by the shim's PATIENCE, and release the folder."""
        self._close_pipe()
        if self._process is not None:
            self._process.wait()
            self._process = None
        self._remove_sockets(self._socket)
        self._lock.release()

    def poll(self) -> int | None:
        """Return the exit code of a server that ended, None while it runs."""
        return None if self._process is None else self._process.poll()

    @property
    def pid(self) -> int | None:
        """The process id of the server, None where none runs."""
        running = postmaster.read(self._data)
        return None if running is None else running.pid

    def _start(self) -> None:
        self._close_pipe()
        _check_major(self._data)
        left = postmaster.read(self._data)
        postmaster.end_left_over(self._data)
        self._remove_sockets(left.socket_dir if left else self._socket)
        who = identity.choose(self._folder, self._data)
        if not self._data.exists():
            self._make_cluster(who)
        self._spawn(who)
        self._wait()

    def _make_cluster(self, who: str) -> None:
        """Make the cluster under another name and rename it: one that a kill left incomplete is never started."""
        making = self._folder / "data.new"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        password = self._folder / "password"
        if not password.exists():
            write_private(password, secrets.token_urlsafe(24))
        for path in (self._folder, making, password):
            identity.prepare(who, path)
        run(
            who, program("initdb"), f"--pgdata={making}", f"--username={USER}", "--auth=scram-sha-256",
            f"--pwfile={password}", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        )  # fmt: skip
        # Without exit_on_error the program exits 0 although a statement failed, as on a full disk.
        run(
            who, program("postgres"), "--single", "-c", "exit_on_error=on", "-D", str(making), "template1",
            text=f"create database {USER};\n",
        )  # fmt: skip
        making.rename(self._data)

    def _spawn(self, who: str) -> None:
        self._socket = self._socket_dir(who)
        reading, self._parent_pipe = os.pipe()
        arguments = [f"--{name}={value}" for name, value in SETTINGS.items()]
        try:
            self._process = subprocess.Popen(  # noqa: S603  the wheel's program, arguments of our own
                [*shim(who, "--parent-fd", str(reading), "--log", str(self._log)), program("postgres"),
                 "-D", str(self._data), "-k", str(self._socket), *arguments],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[reading], start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(reading)

    def _socket_dir(self, who: str) -> Path:
        """Return a folder for the socket that only its owner can open: beside the cluster, if the path fits."""
        path = self._folder / "socket"
        name = os.fsencode(path)
        if len(name) + len("/.s.PGSQL.5432") > MAX_SOCKET_PATH or b"," in name or b'"' in name:  # -k takes a list
            path = Path(tempfile.mkdtemp(prefix=SOCKET_PREFIX))
        path.mkdir(mode=0o700, exist_ok=True)
        identity.prepare(who, path)
        return path

    def _remove_sockets(self, folder: Path) -> None:
        """Remove a folder of sockets that ``_socket_dir`` made; postmaster.pid may name one of another server."""
        if folder == self._folder / "socket" or folder.name.startswith(SOCKET_PREFIX):
            shutil.rmtree(folder, ignore_errors=True)

    def _wait(self) -> None:
        """Wait until the server answers. There is no time-out while it runs: recovery after a kill may take long."""
        while self.poll() is None:
            starting = postmaster.read(self._data)
            if starting is not None and starting.ready and postmaster.alive(starting.pid):
                return
            time.sleep(0.02)
        raise EmbeddedError(f"PostgreSQL did not start: {_last_lines(self._log)} (its log: {self._log})")

    def _close_pipe(self) -> None:
        if self._parent_pipe is not None:
            os.close(self._parent_pipe)
            self._parent_pipe = None


def running_url(folder: Path | str) -> str | None:
    """Return the URL of the server that runs on a folder, None where none runs."""
    folder = Path(folder)
    running = postmaster.read(folder / "data")
    if running is None or not running.ready or not postmaster.alive(running.pid):
        return None
    password = (folder / "password").read_text().strip()
    return f"postgresql://{USER}:{quote(password)}@/{USER}?host={quote(str(running.socket_dir), safe='/')}"


def _check_major(data: Path) -> None:
    version = data / "PG_VERSION"
    if version.exists() and version.read_text().strip() != str(MAJOR):
        raise EmbeddedError(
            f"{data} is of PostgreSQL {version.read_text().strip()}, and this Faultline brings {MAJOR}: "
            "go on with the version that made it, or dump and restore"
        )


def _last_lines(log: Path) -> str:
    text = log.read_text(errors="replace") if log.exists() else ""
    return " | ".join(text.strip().splitlines()[-3:])
