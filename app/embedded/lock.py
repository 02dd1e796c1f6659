"""A lock on a folder for one process, released when that process ends, also by ``kill -9``."""

import fcntl
import os
from pathlib import Path

from app.embedded.errors import EmbeddedError


class FolderLock:
    """A lock file at ``path``, in a folder that exists; it holds the id of the process that has the lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Acquire the lock unless this object has it. Raises EmbeddedError naming the process that does."""
        if self._fd is not None:
            return
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(fd, 32).decode(errors="replace").strip() or "another"
            os.close(fd)
            raise EmbeddedError(f"{self._path.parent} is in use by process {holder}") from error
        os.ftruncate(fd, 0)
        os.write(fd, b"%d\n" % os.getpid())
        self._fd = fd

    def release(self) -> None:
        """Release the lock. The file stays: after a removal two processes could lock two files of its name."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
