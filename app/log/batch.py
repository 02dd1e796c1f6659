"""Micro-batches: consecutive records of one partition, and the prefix of batches that may be committed. Pure."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec

from app.log.contract import Record

RECORD_OVERHEAD = 64
"""Bytes a record is taken to cost beside its key, value and headers; it keeps empty records from being free."""


class Claim(NamedTuple):
    """One owner's claim of a partition: no other claim, by any member, has the same epoch."""

    partition: int
    epoch: int


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive records of one partition, or, without records, the report that it is idle."""

    topic: str
    """With its generation: ``1.crashes``."""
    partition: int
    records: list[Record]
    nbytes: int = 0
    position: int = 0
    """Of an idle batch: the next offset to read."""
    idle_at: int | None = None
    """Of an idle batch: the server's time (ms), read before the partition's end was read and equalled the position."""
    lost: int = 0
    """Offsets just before ``first`` that retention deleted before this group read them; already reported."""

    @property
    def first(self) -> int:
        """The offset of the first record; of an idle batch the next offset to read."""
        return self.records[0].offset if self.records else self.position

    @property
    def last(self) -> int:
        """The offset of the last record; of an idle batch ``first - 1``."""
        return self.records[-1].offset if self.records else self.position - 1

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        """Iterate over the records in order."""
        return iter(self.records)


def size_of(record: Record) -> int:
    """Return the bytes that a record counts toward the limits of a batch."""
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
    """The message of a batch; ``acked`` becomes true when the batch is done."""

    acked: bool


class Chain:
    """The delivered batches of one partition, in order, and how far all of them are acknowledged.

    ``expected`` is the offset that the next batch must begin with; None accepts any. A batch that starts at or before
    the last one delivered begins a new chain: the partition was read again from its commit, and late acknowledgements
    of the older chain have no effect.
    """

    def __init__(self, expected: int | None = None) -> None:
        self.expected = expected
        self.committable: int | None = None
        self._pending: deque[tuple[int, Acked]] = deque()

    def __len__(self) -> int:
        """Return the number of batches that are delivered and not yet committable."""
        return len(self._pending)

    def missing(self, batch: Batch) -> int:
        """Return the number of offsets missing between the last batch delivered and this one."""
        return 0 if self.expected is None else max(0, batch.first - batch.lost - self.expected)

    def deliver(self, batch: Batch, message: Acked) -> None:
        """Append a batch; ``message.acked`` becomes true when it is done."""
        if self.expected is not None and batch.first < self.expected:
            self._pending.clear()
            self.committable = None
        self._pending.append((batch.last + 1, message))
        self.expected = batch.last + 1

    def advance(self) -> int | None:
        """Move over the acknowledged prefix; return the offset to commit (the next to read), None before the first."""
        while self._pending and self._pending[0][1].acked:
            self.committable, _ = self._pending.popleft()
        return self.committable
