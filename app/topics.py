"""Names of the topics, of their headers, and the partition of a key.

A log has a generation; it is part of each topic's name in the log (``1.crashes``), and so of every address and every
progress. What has its offsets start again is a new topic, and nothing of the old one can be mistaken for it.
"""

from hashlib import blake2b
from typing import Final, NamedTuple

CRASHES: Final = "crashes"
SESSIONS: Final = "sessions"
TIMINGS: Final = "timings"
PROCESSED: Final = "processed"
DELTAS: Final = "deltas"
RATES: Final = "rates"
DEAD_LETTERS: Final = "dead-letters"

SOURCES: Final = (CRASHES, SESSIONS, TIMINGS)
"""The topics that events arrive on and an agent consumes; complete_until and the watermark look at these."""

FACTS: Final = "facts"
"""The one header of a source record: ``app.model.Facts``, as JSON, so that any log viewer shows it."""


class Source(NamedTuple):
    """One partition of one topic of one generation."""

    topic: str
    partition: int


def qualified(generation: int, name: str) -> str:
    """Return the name in the log: ``1.crashes``."""
    return f"{generation}.{name}"


def identity(project: int, event_id: str) -> bytes:
    """Return the 16-byte key of an event or a session: it picks the partition, so a retry meets its first copy."""
    return blake2b(f"{project}:{event_id}".encode(), digest_size=16).digest()


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key, in [0, partitions). The same on every log, so that a move keeps the meaning."""
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "big") % partitions
