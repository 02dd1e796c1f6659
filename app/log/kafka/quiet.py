"""Rate limit for aiokafka's log lines: while a broker is away it logs hundreds of equal lines a second."""

import copy
import logging
import time
from collections.abc import Callable
from typing import Final

AIOKAFKA: Final = "aiokafka"
EVERY_SECONDS: Final = 10.0
MOST_KINDS: Final = 1000
"""Kinds of lines remembered at most, for the case that a logger formats its lines before it logs them."""


class RateLimited(logging.Handler):
    """Passes the first line of a kind to the root's handlers, then one in ten seconds with the number left out.

    Lines of one logger, level and format are of one kind, whatever their arguments. ``clock`` returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: dict[tuple[str, int, str], tuple[float, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a line on, or count it."""
        kind, now = (record.name, record.levelno, str(record.msg)), self._clock()
        passed_at, left_out = self._kinds.get(kind, (now - EVERY_SECONDS, 0))
        if now - passed_at < EVERY_SECONDS:
            self._kinds[kind] = (passed_at, left_out + 1)
            return
        if len(self._kinds) >= MOST_KINDS:
            self._kinds.clear()
        self._kinds[kind] = (now, 0)
        if left_out:
            message = f"{record.getMessage()} ({left_out} more like it since the last)"
            record = copy.copy(record)
            record.msg, record.args = message, ()
        logging.getLogger().callHandlers(record)


def quieten(level: int = logging.WARNING) -> None:
    """Let aiokafka log from ``level`` on, at a limited rate."""
    ours = logging.getLogger(AIOKAFKA)
    ours.setLevel(level)
    ours.propagate = False
    ours.handlers = [RateLimited()]
