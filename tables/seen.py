"""Which events were seen: the rules of deduplication (EXACTNESS.md, "Identity").

The local store holds, by event key, the first offset and its received time, and the chunks as they are in the
changelog. One chunk is what one batch added to one hour of received time: the changelog costs by batches, not by
events, and whole chunks expire. Its key holds hour, first and last offset: chunks cut differently are different
records, so that compaction cannot put a shorter one over a longer. Entries are immutable; merging them in any order
gives the same.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from app.cells import DAY, HOUR, SKEW
from app.records import SCHEMA, UnknownSchema

DAY_MS: Final = DAY * 1000
HOUR_MS: Final = HOUR * 1000
SKEW_MS: Final = SKEW * 1000

ENTRY: Final = b"e"
CHUNK: Final = b"c"

# Offsets are signed: what was carried over from an older generation of the log lies before all of the present one.
_entry = struct.Struct(">BqQ")
_packed = struct.Struct(">16sqQ")
_chunk_key = struct.Struct(">Iqq")

Read = Callable[[bytes], bytes | None]
Write = tuple[bytes, bytes | None]


class First(NamedTuple):
    """The counted copy of an event: its key, offset and received time (ms)."""

    key: bytes
    offset: int
    received: int


def is_first(known: First | None, offset: int, received: int) -> bool:
    """Return whether the record at ``offset`` counts, by the two records alone, never by an absence that expiry made."""
    if known is None or known.offset == offset:
        return True
    return known.offset < offset and received - known.received > DAY_MS


def wins(one: First, other: First) -> First:
    """Return which of two counted copies of one key is kept: the least offset, unless the later came after a day."""
    early, late = (one, other) if one.offset <= other.offset else (other, one)
    return late if late.received - early.received > DAY_MS else early


def local_key(key: bytes) -> bytes:
    """Return an event's key in the local store."""
    return ENTRY + key


def decode(key: bytes, value: bytes | None) -> First | None:
    """Read a local entry, None for none. Raises UnknownSchema."""
    if value is None:
        return None
    schema, offset, received = _entry.unpack(value)
    _check(schema)
    return First(key, offset, received)


class Seen:
    """Judges the records of one batch, in order; what it counted is in ``firsts``."""

    def __init__(self, known: Mapping[bytes, First]) -> None:
        """Take what the table holds of the batch's keys."""
        self._known = dict(known)
        self.firsts: list[First] = []

    def is_first(self, key: bytes, offset: int, received: int) -> bool:
        """Return whether this record counts; it is noted by ``count`` only, once it is known to work."""
        return is_first(self._known.get(key), offset, received)

    def count(self, key: bytes, offset: int, received: int) -> None:
        """Note a record that counts, also for the rest of the batch."""
        first = First(key, offset, received)
        self._known[key] = first
        self.firsts.append(first)


def chunks(firsts: Iterable[First]) -> Iterator[tuple[bytes, bytes]]:
    """Return the changelog records of one batch's counted copies (in the order of offsets): key and value a chunk."""
    hours: dict[int, list[First]] = {}
    for first in firsts:
        hours.setdefault(first.received // HOUR_MS, []).append(first)
    for hour, members in sorted(hours.items()):
        key = _chunk_key.pack(hour, members[0].offset, members[-1].offset)
        yield key, bytes((SCHEMA,)) + b"".join(_packed.pack(*member) for member in members)


def localise(read: Read, key: bytes, value: bytes | None) -> Iterator[Write]:
    """Turn a changelog record into local writes: entries merged by ``wins``; a deleted chunk takes its own along."""
    chunk = CHUNK + key
    if value is None:
        yield from _expire(read, chunk)
        return
    for first in _members(value):
        known = decode(first.key, read(local_key(first.key)))
        if known is None or (known.offset != first.offset and wins(first, known) is first):
            yield local_key(first.key), _entry.pack(SCHEMA, first.offset, first.received)
    yield chunk, value


def shifted(key: bytes, value: bytes | None, by: int) -> tuple[bytes, bytes | None]:
    """Return a changelog record as it is in a generation whose offset 0 follows offset ``by - 1`` of this one."""
    hour, first, last = _chunk_key.unpack(key)
    moved = _chunk_key.pack(hour, first - by, last - by)
    if value is None:
        return moved, None
    members = (_packed.pack(*first._replace(offset=first.offset - by)) for first in _members(value))
    return moved, bytes((SCHEMA,)) + b"".join(members)


def expired_before(received: int) -> int:
    """Return the time (ms) before which entries may go, by the greatest received time behind the owner's own commit."""
    return received - DAY_MS - SKEW_MS


def expired(local_chunks: Iterable[tuple[bytes, bytes]], before: int, most: int) -> list[bytes]:
    """Return the changelog keys of at most ``most`` chunks that lie wholly before a time (ms), the oldest first.

    ``local_chunks`` are those of the local store with the prefix ``CHUNK``, in key order, which is the order of hours.
    """
    found: list[bytes] = []
    for key, _ in local_chunks:
        hour, _, _ = _chunk_key.unpack(key[len(CHUNK) :])
        if (hour + 1) * HOUR_MS > before or len(found) == most:
            break
        found.append(key[len(CHUNK) :])
    return found


def known_of(keys: Sequence[bytes], values: Sequence[bytes | None]) -> dict[bytes, First]:
    """Read what the table holds of a batch's keys."""
    return {key: first for key, value in zip(keys, values, strict=True) if (first := decode(key, value)) is not None}


def _expire(read: Read, chunk: bytes) -> Iterator[Write]:
    value = read(chunk)
    if value is None:
        return
    for first in _members(value):
        if decode(first.key, read(local_key(first.key))) == first:
            yield local_key(first.key), None
    yield chunk, None


def _members(value: bytes) -> Iterator[First]:
    _check(value[0])
    return (First(*member) for member in _packed.iter_unpack(value[1:]))


def _check(schema: int) -> None:
    if schema != SCHEMA:
        raise UnknownSchema(f"state of schema {schema}: upgrade the worker first")
