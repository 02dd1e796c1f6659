"""Names of topics and headers, and the partition of a key.

The generation of the log is part of each topic's name in the log (``1.crashes``), and so of every address and every
progress. Where offsets start again the topic is a new one, so that no record of the old one is mistaken for it.
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
"""The topics that events arrive on; complete_until and the watermark cover all of them."""

FOLDED: Final = frozenset({DELTAS, RATES})
"""The topics whose number of partitions is the generation's own; the other topics have those of the sources."""

FACTS: Final = "facts"
"""The one header of a source record: ``app.model.Facts``, as JSON, so that any log viewer shows it."""


class Source(NamedTuple):
    """One partition of one topic of one generation."""

    topic: str
    partition: int


def qualified(generation: int, name: str) -> str:
    """Return the name of a topic in the log: ``1.crashes``."""
    return f"{generation}.{name}"


def unqualified(topic: str) -> str:
    """Return the name of a topic without its generation: ``crashes``."""
    return topic.partition(".")[2]


def identity(project: int, event_id: str) -> bytes:
    """Return the 16-byte key of an event or session. It picks the partition, so that a retry meets its first copy."""
    return blake2b(f"{project}:{event_id}".encode(), digest_size=16).digest()


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key, in [0, partitions). It is the same on every log, so that state can be moved."""
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "big") % partitions
