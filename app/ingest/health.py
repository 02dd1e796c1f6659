"""Whether ingest can take events now, for ``/readyz``."""

import time
from collections.abc import Callable
from typing import Final

from app.log.contract import LogFull

FORGET_SECONDS: Final = 15.0
"""A proxy sends nothing to what is not ready, so no success would ever clear a reason: it fades."""


class Health:
    """Knows whether the log is full, and remembers why the last append failed."""

    def __init__(self, full: Callable[[], bool], clock: Callable[[], float] = time.monotonic) -> None:
        """Start without a reason; ``full`` is the log's, ``clock`` gives seconds."""
        self._full = full
        self._clock = clock
        self._code = ""
        self._until = 0.0

    def failed(self, code: str) -> None:
        """Note that the log refused, by the code that was answered."""
        self._code = code
        self._until = self._clock() + FORGET_SECONDS

    def succeeded(self) -> None:
        """Note that the log took records."""
        self._code = ""

    def readiness(self) -> list[str]:
        """Give the reasons why ingest is not ready, [] when it is."""
        if self._full():
            return [LogFull.code]
        return [self._code] if self._code and self._clock() < self._until else []
