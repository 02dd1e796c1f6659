"""The pure part of an append: checks of records, their offsets, and the rows to write."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

import msgspec

from app.log.contract import LogError, LogSealed, LogTooLate, NewRecord, RecordTooLarge

MAX_RECORD: Final = 16 << 20
"""Bytes of one record. A crash has at most 1 MiB; agents halve a batch whose ``processed`` record exceeds 8 MiB."""

BIGINT: Final = 1 << 63

COLUMNS: Final = ("topic_id", "partition", "offset", "appended", "stamp", "key", "value", "headers")


class Topic(msgspec.Struct):
    """A topic of the log; ``id`` is its number in PostgreSQL (0 in Kafka)."""

    id: int
    name: str
    partitions: int
    compact: bool
    sealed: bool


class PartitionId(NamedTuple):
    """A partition by the number of its topic."""

    topic_id: int
    partition: int


class Reserved(NamedTuple):
    """The first offset that is reserved for an append in a partition, and the server's day."""

    offset: int
    appended: date


LogRow = tuple[int, int, int, date, int, bytes | None, bytes | None, bytes | None]
"""One row of log_records or log_compacted, in the order of COLUMNS."""


class Placed(NamedTuple):
    """The offsets in the order of the records, and the rows to write by the policy of their topic."""

    offsets: list[int]
    kept: list[LogRow]
    compacted: list[LogRow]


class AppendColumns(NamedTuple):
    """The arguments of the function log_append, column by column (0015_rounds.sql)."""

    topic_ids: list[int]
    partitions: list[int]
    counts: list[int]
    compact: list[bool]
    slots: list[int]
    nths: list[int]
    stamps: list[int]
    keys: list[bytes | None]
    values: list[bytes | None]
    headers: list[bytes | None]


def size(record: NewRecord) -> int:
    """Return the bytes of a record in the log: key, value and headers."""
    nbytes = len(record.value or b"") + len(record.key or b"")
    for name, value in record.headers.items():
        nbytes += len(name) + len(value)
    return nbytes


def check(record: NewRecord, topic: Topic) -> int:
    """Return a record's size. Raises LogSealed, RecordTooLarge, LogError where it would fail the whole transaction."""
    if topic.sealed:
        raise LogSealed(f"topic {topic.name} is sealed")
    if not 0 <= record.partition < topic.partitions:
        raise LogError(f"topic {topic.name} has partitions 0-{topic.partitions - 1}, not {record.partition}")
    if topic.compact and record.key is None:
        raise LogError(f"topic {topic.name} is compacted: a record without a key cannot be appended")
    if not -BIGINT <= record.stamp < BIGINT:
        raise LogError(f"a stamp is a 64-bit integer, received {record.stamp}")
    nbytes = size(record)
    if nbytes > MAX_RECORD:
        raise RecordTooLarge(f"a record has {nbytes} bytes, the log's limit is {MAX_RECORD}")
    return nbytes


def deadline_of(records: Iterable[NewRecord]) -> int:
    """Return the least deadline of the records, 0 where none has one."""
    return min((record.deadline for record in records if record.deadline > 0), default=0)


def refuse_late(records: Iterable[NewRecord]) -> None:
    """Raise LogTooLate where the deadline of a record has passed."""
    now = time.time_ns() // 1_000_000
    if any(0 < record.deadline < now for record in records):
        raise LogTooLate("a record was not appended before its deadline")


def counts(records: Iterable[NewRecord], topics: Mapping[str, Topic]) -> dict[PartitionId, int]:
    """Return the number of records of each partition."""
    return Counter(PartitionId(topics[record.topic].id, record.partition) for record in records)


def columns(records: Sequence[NewRecord], topics: Mapping[str, Topic]) -> tuple[AppendColumns, list[tuple[int, int]]]:
    """Return the columns of an append, and for each record its slot (from 0) and its distance from the first offset."""
    slots: dict[tuple[str, int], int] = {}
    counted: list[int] = []
    places: list[tuple[int, int]] = []
    rows: dict[object, int] = {}
    for index, record in enumerate(records):
        slot = slots.setdefault((record.topic, record.partition), len(slots))
        if slot == len(counted):
            counted.append(0)
        places.append((slot, counted[slot]))
        counted[slot] += 1
        # Of a compacted key only the last record gets a row.
        rows[(slot, record.key) if topics[record.topic].compact else index] = index
    kept = [records[index] for index in rows.values()]
    return AppendColumns(
        topic_ids=[topics[topic].id for topic, _ in slots],
        partitions=[partition for _, partition in slots],
        counts=counted,
        compact=[topics[topic].compact for topic, _ in slots],
        slots=[places[index][0] + 1 for index in rows.values()],
        nths=[places[index][1] for index in rows.values()],
        stamps=[record.stamp for record in kept],
        keys=[record.key for record in kept],
        values=[record.value for record in kept],
        headers=[msgspec.msgpack.encode(record.headers) if record.headers else None for record in kept],
    ), places


def place(
    records: Sequence[NewRecord], topics: Mapping[str, Topic], reserved: Mapping[PartitionId, Reserved]
) -> Placed:
    """Return the offsets of all records, and the rows; of a compacted key only the last record gets a row."""
    following = {where: start.offset for where, start in reserved.items()}
    offsets: list[int] = []
    kept: list[LogRow] = []
    compacted: dict[tuple[int, int, bytes | None], LogRow] = {}
    for record in records:
        topic = topics[record.topic]
        where = PartitionId(topic.id, record.partition)
        offset = following[where]
        following[where] = offset + 1
        offsets.append(offset)
        headers = msgspec.msgpack.encode(record.headers) if record.headers else None
        row = (*where, offset, reserved[where].appended, record.stamp, record.key, record.value, headers)
        if topic.compact:
            compacted[(*where, record.key)] = row
        else:
            kept.append(row)
    return Placed(offsets, kept, list(compacted.values()))
