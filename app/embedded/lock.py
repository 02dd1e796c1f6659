"""One process a folder: a lock that ends with the process that holds it, however that ends."""

import fcntl
import os
from pathlib import Path

from app.embedded.errors import EmbeddedError


class FolderLock:
    """A lock file, which names the process that holds it."""

    def __init__(self, path: Path) -> None:
        """Take the file's path; its folder is there."""
        self._path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock, if this object does not have it. Raises EmbeddedError naming who does."""
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
        """Give the lock back; the file stays, as removing it would let two processes hold two files."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
