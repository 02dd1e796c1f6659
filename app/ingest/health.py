"""Readiness of ingest, for ``/readyz``."""

import time
from collections.abc import Callable

from app.ingest.limits import FORGET_SECONDS
from app.log.contract import LogFull


class Health:
    """Keeps the reason of the last failed append for FORGET_SECONDS.

    ``full`` returns whether the disk behind the log is nearly full; ``clock`` returns seconds.
    """

    def __init__(self, full: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._full = full
        self._clock = clock
        self._code = ""
        self._until = 0.0

    def failed(self, code: str) -> None:
        """Record a failed append by the code of its reply."""
        self._code = code
        self._until = self._clock() + FORGET_SECONDS

    def succeeded(self) -> None:
        """Record an append that succeeded."""
        self._code = ""

    def readiness(self) -> list[str]:
        """Return the codes of why ingest is not ready, [] when it is."""
        if self._full():
            return [LogFull.code]
        return [self._code] if self._code and self._clock() < self._until else []
