"""The contract of a log: topics of partitions of records, in order, durable when acknowledged."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec


class LogError(Exception):
    """The log refused or could not do what was asked; nothing that was acknowledged is lost."""

    code = "log_error"


class LogUnavailable(LogError):
    """The log does not answer: the call may be repeated later."""

    code = "log_unavailable"


class LogFull(LogError):
    """The disk behind the log is nearly full: new events are refused until there is room."""

    code = "log_full"


class LogSealed(LogError):
    """The topic belongs to a sealed generation: nothing more is appended to it."""

    code = "log_sealed"


class LogTooLate(LogError):
    """A record did not get its offset by its deadline: nothing of its append is in the log."""

    code = "append_timeout"


class RecordTooLarge(LogError):
    """One record is larger than the log's limit."""

    code = "record_too_large"


class NewRecord(msgspec.Struct, frozen=True):
    """A record to append. ``value`` None deletes the key from a compacted topic.

    ``stamp`` is in ms since the epoch. A record must have its offset by ``deadline`` (ms since the epoch, 0 for none):
    later its append raises LogTooLate.
    """

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]
    stamp: int
    deadline: int = 0


class Record(msgspec.Struct, frozen=True):
    """A record in the log."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]
    stamp: int


class TopicSpec(NamedTuple):
    """A topic that must exist. ``compact`` keeps the last record of each key, ``delete`` keeps all until retention."""

    name: str
    partitions: int
    policy: Literal["delete", "compact"] = "delete"


class Bounds(NamedTuple):
    """Offsets of a partition: the first that the log still holds and the next to be written."""

    start: int
    end: int


class Log(Protocol):
    """A log. Every method may raise LogUnavailable; none retries by itself for longer than a few seconds."""

    @property
    def atomic(self) -> bool:
        """Whether an append is in the log as a whole or not at all, whatever dies meanwhile."""
        ...

    async def ensure(self, topics: Sequence[TopicSpec]) -> list[str]:
        """Create the missing topics and return their names; existing ones are compared, never changed.

        Raises LogError where one exists with another number of partitions or another policy.
        """
        ...

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        """Append all records and return their offsets once all are durable; records of a partition keep their order.

        Concurrent callers share transactions or requests (group commit).

        Raises:
            RecordTooLarge, LogTooLate: nothing of the append is in the log.
            LogError: a topic or partition is unknown; nothing is in the log.
            LogSealed: nothing is in the log where the client knew it; any part where a Kafka broker refused.
            LogFull: nothing is in the log.
            LogUnavailable: all, nothing, or (in Kafka, which writes each partition by itself) any part is in the log.
                Callers repeat the append, so what they append must be idempotent.
        """
        ...

    def full(self) -> bool:
        """Return whether an append would raise LogFull now, as far as that is known without one; cheap."""
        ...

    async def read(
        self, topic: str, partition: int, offset: int, *, max_records: int = 1000, max_bytes: int = 4 << 20
    ) -> list[Record]:
        """Return records at or after ``offset`` within both limits, at least one if there is one, else [] at once.

        Offsets of a compacted topic have gaps, and older records of a key may still be there.
        """
        ...

    async def bounds(self, topic: str) -> dict[int, Bounds]:
        """Return the bounds of every partition; the end covers only what readers can see."""
        ...

    async def committed(self, group: str, topic: str) -> dict[int, int]:
        """Return by partition the next offset to read that the group committed; partitions without one are absent."""
        ...

    def tail(self, topic: str, start: Mapping[int, int] | None = None) -> AsyncGenerator[list[Record], None]:
        """Yield the records of all partitions that are appended from now on; never ends by itself.

        "Now" is the first step of the iteration, or the offsets by partition in ``start`` (as ``bounds`` returned).
        """
        ...

    async def close(self) -> None:
        """Flush pending appends and close the connections."""
        ...
