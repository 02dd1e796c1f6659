"""Pure part of an append: what a record must be, where each one goes, and the rows of it."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

import msgspec

from app.log.contract import LogError, LogSealed, LogTooLate, NewRecord, RecordTooLarge

MAX_RECORD: Final = 16 << 20
"""Bytes of one record. A crash is at most 1 MiB; a block of processed ones is halved by its agent at 8 MiB."""

BIGINT: Final = 1 << 63

COLUMNS: Final = ("topic_id", "partition", "offset", "appended", "stamp", "key", "value", "headers")


class Topic(msgspec.Struct):
    """A topic as the log knows it."""

    id: int
    name: str
    partitions: int
    compact: bool
    sealed: bool


class Place(NamedTuple):
    """The partition of a topic, by the topic's number."""

    topic_id: int
    partition: int


class Start(NamedTuple):
    """The first offset that an append was given in a partition, and the server's day."""

    offset: int
    appended: date


Row = tuple[int, int, int, date, int, bytes | None, bytes | None, bytes | None]
"""One row of log_records or log_compacted, in the order of COLUMNS."""


class Placed(NamedTuple):
    """Offsets in the order of the records, and the rows to be written."""

    offsets: list[int]
    kept: list[Row]
    compacted: list[Row]


def size(record: NewRecord) -> int:
    """Give the bytes that a record weighs in the log."""
    headers = sum(len(name) + len(value) for name, value in record.headers.items())
    return len(record.value or b"") + len(record.key or b"") + headers


def check(record: NewRecord, topic: Topic) -> int:
    """Give a record's size. Raises LogSealed, RecordTooLarge, LogError for what would fail the whole transaction."""
    if topic.sealed:
        raise LogSealed(f"topic {topic.name} is sealed")
    if not 0 <= record.partition < topic.partitions:
        raise LogError(f"topic {topic.name} has partitions 0..{topic.partitions - 1}, not {record.partition}")
    if topic.compact and record.key is None:
        raise LogError(f"topic {topic.name} is compacted: each record needs a key")
    if not -BIGINT <= record.stamp < BIGINT:
        raise LogError(f"a stamp is 64 bits, not {record.stamp}")
    nbytes = size(record)
    if nbytes > MAX_RECORD:
        raise RecordTooLarge(f"a record of {nbytes} bytes is over the log's limit of {MAX_RECORD}")
    return nbytes


def refuse_late(records: Iterable[NewRecord]) -> None:
    """Raise LogTooLate for a deadline that has passed."""
    now = time.time_ns() // 1_000_000
    if any(0 < record.deadline < now for record in records):
        raise LogTooLate("a record waited beyond its deadline")


def counts(records: Iterable[NewRecord], topics: Mapping[str, Topic]) -> dict[Place, int]:
    """Count the records of each partition."""
    return Counter(Place(topics[record.topic].id, record.partition) for record in records)


def place(records: Sequence[NewRecord], topics: Mapping[str, Topic], starts: Mapping[Place, Start]) -> Placed:
    """Give each record its offset, and the rows; of a compacted key only the last record has one."""
    following = {where: start.offset for where, start in starts.items()}
    offsets: list[int] = []
    kept: list[Row] = []
    compacted: dict[tuple[int, int, bytes | None], Row] = {}
    for record in records:
        topic = topics[record.topic]
        where = Place(topic.id, record.partition)
        offset = following[where]
        following[where] = offset + 1
        offsets.append(offset)
        headers = msgspec.msgpack.encode(record.headers) if record.headers else None
        row = (*where, offset, starts[where].appended, record.stamp, record.key, record.value, headers)
        if topic.compact:
            compacted[(*where, record.key)] = row
        else:
            kept.append(row)
    return Placed(offsets, kept, list(compacted.values()))
