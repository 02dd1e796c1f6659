"""Refuses new records before the disk of the log is full, so that everything else still has room."""

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from app.log.contract import LogFull

CHECK_SECONDS: Final = 1.0
"""A disk fills by some 100 MB a second at most; the reserve (512 MiB by default) lasts longer than one interval."""


def free_bytes(folder: Path) -> int:
    """Return the bytes that an ordinary user may still write to the folder's disk.

    Return ``sys.maxsize`` for a folder that does not exist: a server whose database is elsewhere has no data folder.
    """
    try:
        return shutil.disk_usage(folder).free
    except FileNotFoundError:
        return sys.maxsize


class DiskGuard:
    """Reads the free bytes of the disk of ``folder``, at most once in ``CHECK_SECONDS``.

    ``folder`` None (the database is elsewhere) guards nothing. ``free`` returns bytes, ``clock`` seconds.
    """

    def __init__(
        self,
        folder: Path | None,
        reserve_bytes: int,
        *,
        free: Callable[[Path], int] = free_bytes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._reserve = reserve_bytes
        self._free = free
        self._clock = clock
        self._checked_at = float("-inf")
        self._has_room = True

    def check(self) -> None:
        """Raise LogFull while fewer bytes than the reserve are free."""
        if self.full():
            raise LogFull(f"less than {self._reserve >> 20} MiB are free on the disk of {self._folder}")

    def full(self) -> bool:
        """Return whether fewer bytes than the reserve are free."""
        if self._folder is None or self._reserve <= 0:
            return False
        now = self._clock()
        if now - self._checked_at >= CHECK_SECONDS:
            self._checked_at = now
            self._has_room = self._free(self._folder) >= self._reserve
        return not self._has_room
