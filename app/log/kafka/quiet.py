"""Keeps aiokafka's own log lines readable: while a broker is away it writes hundreds of the same a second."""

import copy
import logging
import time
from collections.abc import Callable
from typing import Final

AIOKAFKA: Final = "aiokafka"
EVERY_SECONDS: Final = 10.0
MOST_KINDS: Final = 1000
"""Bounds what is remembered, should a line be made of what it tells instead of by arguments."""


class Quiet(logging.Handler):
    """Hands the first of lines that are alike on to the root's handlers, then one in ten seconds, with their number.

    Alike are lines of one logger, level and format, whatever they name.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with nothing seen; ``clock`` gives seconds."""
        super().__init__()
        self._clock = clock
        self._kinds: dict[tuple[str, int, str], tuple[float, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a line on, or count it."""
        kind, now = (record.name, record.levelno, str(record.msg)), self._clock()
        shown, left_out = self._kinds.get(kind, (now - EVERY_SECONDS, 0))
        if now - shown < EVERY_SECONDS:
            self._kinds[kind] = (shown, left_out + 1)
            return
        if len(self._kinds) >= MOST_KINDS:
            self._kinds.clear()
        self._kinds[kind] = (now, 0)
        if left_out:
            told = f"{record.getMessage()} ({left_out} more like it since the last)"
            record = copy.copy(record)
            record.msg, record.args = told, ()
        logging.getLogger().callHandlers(record)


def quieten(level: int = logging.WARNING) -> None:
    """Have aiokafka log from ``level`` on, lines that are alike seldom."""
    ours = logging.getLogger(AIOKAFKA)
    ours.setLevel(level)
    ours.propagate = False
    ours.handlers = [Quiet()]
