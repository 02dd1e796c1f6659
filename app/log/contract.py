"""What a log is to the rest of Faultline: topics of partitions of records, in order, durable when acknowledged."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec


class LogError(Exception):
    """The log refused or could not take what it was given; nothing was lost that had been acknowledged."""

    code = "log_error"


class LogUnavailable(LogError):
    """The log does not answer: try again later."""

    code = "log_unavailable"


class LogFull(LogError):
    """The disk behind the log is nearly full: refuse new events until there is room."""

    code = "log_full"


class LogSealed(LogError):
    """The topic is of a generation that was sealed: nothing more is appended to it."""

    code = "log_sealed"


class LogTooLate(LogError):
    """A record could not have its offset by its deadline: nothing of its append is in the log."""

    code = "append_timeout"


class RecordTooLarge(LogError):
    """One record is over the log's limit."""

    code = "record_too_large"


class NewRecord(msgspec.Struct, frozen=True):
    """A record to append. ``value`` None deletes the key from a compacted topic. ``stamp`` is ms since the epoch.

    ``deadline`` (ms since the epoch, 0 for none) is when it must have its offset: later its append raises LogTooLate.
    """

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]
    stamp: int
    deadline: int = 0


class Record(msgspec.Struct, frozen=True):
    """A record as it is in the log."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]
    stamp: int


class TopicSpec(NamedTuple):
    """A topic that must exist. ``compact`` keeps the last record of each key, ``delete`` all for ``retention`` s."""

    name: str
    partitions: int
    policy: Literal["delete", "compact"] = "delete"


class Bounds(NamedTuple):
    """Offsets of a partition: the first one still there and the next one to be written."""

    start: int
    end: int


class Log(Protocol):
    """One log. All methods may raise LogUnavailable; none retries by itself for longer than a few seconds."""

    async def ensure(self, topics: Sequence[TopicSpec]) -> list[str]:
        """Make the topics that are missing, and give their names; those that exist are compared, never changed.

        Raises LogError where one exists with other partitions or another policy.
        """
        ...

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        """Append all records and return their offsets once all are durable; a partition's keep their order.

        A record that can be seen to be wrong (RecordTooLarge, LogError for an unknown topic or partition, LogSealed
        once that is known here) leaves nothing of its append. LogUnavailable leaves all, nothing, or (in Kafka, which
        writes each partition by itself) any part: callers do the same again, and what they do is idempotent.
        Concurrent callers share transactions or requests (group commit). Raises LogFull, LogSealed, RecordTooLarge.
        """
        ...

    def full(self) -> bool:
        """Tell whether appends are refused by LogFull now, as far as that can be seen without one; cheap."""
        ...

    async def read(
        self, topic: str, partition: int, offset: int, *, max_records: int = 1000, max_bytes: int = 4 << 20
    ) -> list[Record]:
        """Read records at or after ``offset``, at least one if there is one, else [] at once.

        Offsets of a compacted topic have gaps, and older records of a key may still be there.
        """
        ...

    async def bounds(self, topic: str) -> dict[int, Bounds]:
        """Give start and end of every partition; the end counts only what is visible to readers."""
        ...

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Give the next offset to be read by partition, as the group committed it; partitions without are absent."""
        ...

    def tail(self, topic: str, start: Mapping[int, int] | None = None) -> AsyncIterator[list[Record]]:
        """Yield what is appended from now on, all partitions, soon after it is; never ends by itself.

        "Now" is the first step of the iteration, or the offsets by partition in ``start`` (as ``bounds`` gave them).
        """
        ...

    async def close(self) -> None:
        """Flush what was handed over and let go of the connections."""
        ...
