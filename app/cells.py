"""Cells and windows: what is counted, over which span of time (ARCHITECTURE.md, "Windows").

A cell is written ``kind:project:group:release``; the release stands last because it may hold any character.
Kind ``c`` counts crashes and sessions, ``e`` those of an environment (its ``group`` is ``environment_group``'s), ``t``
timings (its ``group`` is ``timing_group``'s), ``l`` is the ledger (its ``group`` is the category; windows by received
time).
"""

from typing import Final, Literal, NamedTuple

from app.topics import partition_of

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86_400
SIZES: Final = (MINUTE, HOUR, DAY)

LATENESS: Final = {MINUTE: HOUR, HOUR: 3 * DAY, DAY: 31 * DAY}
"""By window size (s): how many seconds after its own time an event may be received and still count there."""

MAX_AGE: Final = 30 * DAY
MAX_AHEAD: Final = MINUTE
SKEW: Final = 60
"""Ingest appends a record within this many seconds of its stamp, or stamps it anew."""

CellKind = Literal["c", "e", "t", "l"]


class Cell(NamedTuple):
    """What is counted: a project, or one of its releases, groups, environments, timings or ledger categories."""

    kind: CellKind
    project: int
    group: str = ""
    release: str = ""

    def key(self) -> str:
        """Return the text of this cell in deltas and tables."""
        return f"{self.kind}:{self.project}:{self.group}:{self.release}"

    @classmethod
    def parse(cls, key: str) -> "Cell":
        """Parse the result of ``key``."""
        kind, project, group, release = key.split(":", 3)
        return cls(_KINDS[kind], int(project), group, release)


_KINDS: Final[dict[str, CellKind]] = {"c": "c", "e": "e", "t": "t", "l": "l"}


def environment_group(name: str) -> str:
    """Return the group of a cell of an environment; a colon, which ends a group in the key, becomes ``%3A``."""
    return name.replace(":", "%3A")


def environment_of(group: str) -> str:
    """Return the name of a result of ``environment_group``."""
    return group.replace("%3A", ":")


def timing_group(kind: str, name: str) -> str:
    """Return the group of a cell of timings; a colon, which ends a group in the key, becomes ``%3A``."""
    return f"{kind} {name.replace(':', '%3A')}"


def timing_of(group: str) -> tuple[str, str]:
    """Return (kind, name) of a result of ``timing_group``."""
    kind, _, name = group.partition(" ")
    return kind, name.replace("%3A", ":")


def home(key: str, partitions: int) -> int:
    """Return the partition of ``deltas`` on which the cell of this key lives."""
    return partition_of(key.encode(), partitions)


def windows(time: int, received: int) -> list[tuple[int, int]]:
    """Return (size, start) in seconds of each window that counts an event of ``time`` received at ``received`` (ms).

    Lateness is a property of the record: received - time.
    """
    second, late = time // 1000, (received - time) / 1000
    return [(size, second - second % size) for size in SIZES if late <= LATENESS[size]]


def windows_of_target(started: int, received: int) -> list[tuple[int, int]]:
    """Return (size, start) of each window of ``started`` that still counts an update received at ``received`` (ms).

    Lateness is judged by the target window (EXACTNESS.md, "Sessions"): received <= end of the window + lateness.
    """
    second = started // 1000
    starts = [(size, second - second % size) for size in SIZES]
    return [(size, start) for size, start in starts if received <= (start + size + LATENESS[size]) * 1000]
