"""Which events were seen: the rules of deduplication (EXACTNESS.md, "Identity").

The local store holds by event key the first offset and its received time, and the chunks of the changelog. A chunk
holds the entries that one batch added to one hour of received time: the changelog grows by batches, not by events, and
chunks expire whole. Its key holds hour, first and last offset: chunks cut differently are different records, so that
compaction cannot replace a longer one by a shorter. Entries are immutable, and merging them is commutative.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from app.cells import DAY, HOUR, SKEW
from app.records import check_schema
from app.topics import CRASHES
from tables.spec import Read, TableSpec, Write

SCHEMA: Final = 1
"""Of local entries and of chunks."""

DAY_MS: Final = DAY * 1000
HOUR_MS: Final = HOUR * 1000
SKEW_MS: Final = SKEW * 1000

ENTRY: Final = b"e"
CHUNK: Final = b"c"

# Offsets are signed: those carried over from an older generation of the log lie before all of the present one.
_entry = struct.Struct(">BqQ")
_packed = struct.Struct(">16sqQ")
_chunk_key = struct.Struct(">Iqq")


class First(NamedTuple):
    """The counted copy of an event: its key, offset and received time (ms)."""

    key: bytes
    offset: int
    received: int


def is_first(known: First | None, offset: int, received: int) -> bool:
    """Return whether the record at ``offset`` counts; decided by the two records, not by whether the entry expired."""
    if known is None or known.offset == offset:
        return True
    return known.offset < offset and received - known.received > DAY_MS


def kept(first: First, second: First) -> First:
    """Return the one of two counted copies of a key to keep: the earlier, unless the later came after a day."""
    early, late = (first, second) if first.offset <= second.offset else (second, first)
    return late if late.received - early.received > DAY_MS else early


def local_key(key: bytes) -> bytes:
    """Return an event's key in the local store."""
    return ENTRY + key


def decode(key: bytes, value: bytes | None) -> First | None:
    """Decode a local entry, None for none. Raises UnknownSchema."""
    if value is None:
        return None
    schema, offset, received = _entry.unpack(value)
    check_schema("entries of seen events", schema, SCHEMA)
    return First(key, offset, received)


class Seen:
    """Decides which records of one batch count, in order; ``firsts`` are those that did.

    ``known`` holds the table's entries of the batch's keys.
    """

    def __init__(self, known: Mapping[bytes, First]) -> None:
        self._known = dict(known)
        self.firsts: list[First] = []

    def is_first(self, key: bytes, offset: int, received: int) -> bool:
        """Return whether this record counts; ``count`` records it, once it is known to work."""
        return is_first(self._known.get(key), offset, received)

    def count(self, key: bytes, offset: int, received: int) -> None:
        """Record that a record counted, also for the rest of the batch."""
        first = First(key, offset, received)
        self._known[key] = first
        self.firsts.append(first)


def chunks(firsts: Iterable[First]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the changelog records of one batch's counted copies (in the order of offsets), one for each chunk."""
    hours: dict[int, list[First]] = {}
    for first in firsts:
        hours.setdefault(first.received // HOUR_MS, []).append(first)
    for hour, members in sorted(hours.items()):
        key = _chunk_key.pack(hour, members[0].offset, members[-1].offset)
        yield key, bytes((SCHEMA,)) + b"".join(_packed.pack(*member) for member in members)


def localise(read: Read, key: bytes, value: bytes | None) -> Iterator[Write]:
    """Yield the local writes of a changelog record: entries merge by ``kept``; a deleted chunk deletes its entries."""
    chunk = CHUNK + key
    if value is None:
        yield from _expire(read, chunk)
        return
    for first in _members(value):
        known = decode(first.key, read(local_key(first.key)))
        if known is None or (known.offset != first.offset and kept(first, known) is first):
            yield local_key(first.key), _entry.pack(SCHEMA, first.offset, first.received)
    yield chunk, value


TABLE: Final = TableSpec("seen", CRASHES, "faultline-crashes-seen-changelog", localise)


def shifted(key: bytes, value: bytes | None, by: int) -> tuple[bytes, bytes | None]:
    """Return a changelog record for the next generation, whose offset 0 follows offset ``by - 1`` of this one."""
    hour, first, last = _chunk_key.unpack(key)
    moved = _chunk_key.pack(hour, first - by, last - by)
    if value is None:
        return moved, None
    members = (_packed.pack(*first._replace(offset=first.offset - by)) for first in _members(value))
    return moved, bytes((SCHEMA,)) + b"".join(members)


def expired_before(received: int) -> int:
    """Return the time (ms) before which entries expire, by the greatest received time behind the owner's own commit."""
    return received - DAY_MS - SKEW_MS


def expired(local_chunks: Iterable[tuple[bytes, bytes]], before: int, most: int) -> list[bytes]:
    """Return the changelog keys of at most ``most`` chunks that lie wholly before a time (ms), the oldest first.

    ``local_chunks`` are those of the local store with the prefix ``CHUNK``, in key order, which is the order of hours.
    """
    keys: list[bytes] = []
    for key, _ in local_chunks:
        hour, _, _ = _chunk_key.unpack(key[len(CHUNK) :])
        if (hour + 1) * HOUR_MS > before or len(keys) == most:
            break
        keys.append(key[len(CHUNK) :])
    return keys


def known_of(keys: Sequence[bytes], values: Sequence[bytes | None]) -> dict[bytes, First]:
    """Decode the table's entries of a batch's keys."""
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
    check_schema("chunks of seen events", value[0], SCHEMA)
    return (First(*member) for member in _packed.iter_unpack(value[1:]))
