"""What a process and the one that started it tell each other: readiness, and the parent's end.

Two environment variables name file descriptors that a supervisor passes on. On the first the process writes one line of
JSON once it is ready. The second is the read end of a pipe whose write end only the parent holds open: it reaches its
end also when the parent is killed with ``kill -9``, which no signal could report.
"""

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from typing import Final

READY_FD: Final = "FAULTLINE_READY_FD"
PARENT_FD: Final = "FAULTLINE_PARENT_FD"


def report_ready(facts: Mapping[str, object]) -> None:
    """Write ``facts`` as one line of JSON to the parent, if it asked for it, and close the pipe."""
    number = os.environ.get(READY_FD)
    if number:
        with os.fdopen(int(number), "w") as pipe:
            pipe.write(json.dumps(facts) + "\n")


def on_parent_end(loop: asyncio.AbstractEventLoop, end: Callable[[], None]) -> None:
    """Have the loop call ``end`` once when the parent is gone; never where there is no parent to watch."""
    number = os.environ.get(PARENT_FD)
    if not number:
        return
    fd = int(number)

    def readable() -> None:
        if not os.read(fd, 1024):
            loop.remove_reader(fd)
            end()

    loop.add_reader(fd, readable)
