"""Refuses new records while the disk that the log is on still has room for everything else."""

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from app.log.contract import LogFull

LOOK_SECONDS: Final = 1.0
"""A disk fills by some 100 MB a second at most; the reserve (512 MiB by default) outlasts the time between looks."""


def free_bytes(folder: Path) -> int:
    """Give the bytes that an ordinary user may still write there; all there can be where the folder is not.

    A server whose database is elsewhere has no data folder.
    """
    try:
        return shutil.disk_usage(folder).free
    except FileNotFoundError:
        return sys.maxsize


class DiskGuard:
    """Looks at the free bytes of a disk, at most once in LOOK_SECONDS."""

    def __init__(
        self,
        folder: Path | None,
        reserve_bytes: int,
        *,
        free: Callable[[Path], int] = free_bytes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Guard the disk of ``folder``; None (the database is elsewhere) guards nothing."""
        self._folder = folder
        self._reserve = reserve_bytes
        self._free = free
        self._clock = clock
        self._looked = float("-inf")
        self._enough = True

    def check(self) -> None:
        """Raise LogFull while fewer bytes than the reserve are free."""
        if self.full():
            raise LogFull(f"less than {self._reserve >> 20} MiB are free on the disk of {self._folder}")

    def full(self) -> bool:
        """Tell whether fewer bytes than the reserve are free."""
        if self._folder is None or self._reserve <= 0:
            return False
        now = self._clock()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._enough = self._free(self._folder) >= self._reserve
        return not self._enough
