"""Micro-batches: consecutive records of one partition, and the prefix of them that may be committed. Pure."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec

from app.log.contract import Record

RECORD_OVERHEAD = 64
"""Bytes a record is taken to cost beside its key, value and headers; it keeps empty records from being free."""


class Claim(NamedTuple):
    """A partition as one owner has it: no other claim, by any member, has the same epoch."""

    partition: int
    epoch: int


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive records of one partition, or, with no records, the news that the partition is idle."""

    topic: str
    """With its generation: ``1.crashes``."""
    partition: int
    records: list[Record]
    nbytes: int = 0
    position: int = 0
    """Of an idle batch: the next offset to be read."""
    idle_at: int | None = None
    """Server time in ms, read before the partition's end was looked at and found equal to the position; else None."""
    lost: int = 0
    """Offsets just before ``first`` that retention deleted before this group read them; already reported."""

    @property
    def first(self) -> int:
        """The offset of the first record; of an idle batch the next offset to be read."""
        return self.records[0].offset if self.records else self.position

    @property
    def last(self) -> int:
        """The offset of the last record; of an idle batch ``first - 1``."""
        return self.records[-1].offset if self.records else self.position - 1

    def __len__(self) -> int:
        """Count the records."""
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        """Go through the records in order."""
        return iter(self.records)


def size_of(record: Record) -> int:
    """Give the bytes that a record counts for in the limits."""
    headers = sum(len(name) + len(value) for name, value in record.headers.items())
    return RECORD_OVERHEAD + len(record.key or b"") + len(record.value or b"") + headers


def cut(topic: str, partition: int, records: Sequence[Record], max_records: int, max_bytes: int) -> list[Batch]:
    """Cut records into batches of at most ``max_records`` and ``max_bytes``; a larger record is its own batch."""
    batches: list[Batch] = []
    taken: list[Record] = []
    nbytes = 0
    for record in records:
        size = size_of(record)
        if taken and (len(taken) >= max_records or nbytes + size > max_bytes):
            batches.append(Batch(topic=topic, partition=partition, records=taken, nbytes=nbytes))
            taken, nbytes = [], 0
        taken.append(record)
        nbytes += size
    if taken:
        batches.append(Batch(topic=topic, partition=partition, records=taken, nbytes=nbytes))
    return batches


class Acked(Protocol):
    """What tells whether its batch was acknowledged."""

    acked: bool


class Chain:
    """The batches of one partition that were delivered, in order, and how far all of them are acknowledged.

    A batch that starts at or before the last one delivered begins a new chain: the partition was read again from its
    commit, and late acknowledgements of the older chain count for nothing.
    """

    def __init__(self, expected: int | None = None) -> None:
        """Start at ``expected``, the offset that the next batch must begin with; None takes any."""
        self.expected = expected
        self.committable: int | None = None
        self._pending: deque[tuple[int, Acked]] = deque()

    def __len__(self) -> int:
        """Count the batches that are delivered and not yet passed."""
        return len(self._pending)

    def hole(self, batch: Batch) -> int:
        """Count the offsets that are missing between the last batch delivered and this one."""
        return 0 if self.expected is None else max(0, batch.first - batch.lost - self.expected)

    def deliver(self, batch: Batch, message: Acked) -> None:
        """Put a batch at the end; ``message.acked`` will say when it is done."""
        if self.expected is not None and batch.first < self.expected:
            self._pending.clear()
            self.committable = None
        self._pending.append((batch.last + 1, message))
        self.expected = batch.last + 1

    def advance(self) -> int | None:
        """Pass what is acknowledged without a gap; give the next offset to be read, None if nothing was passed yet."""
        while self._pending and self._pending[0][1].acked:
            self.committable, _ = self._pending.popleft()
        return self.committable
