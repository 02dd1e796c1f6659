"""Which names of timings are counted separately: the first ``MOST`` of a project on each day, in the log's order.

Clients choose names, so their number is unbounded. Names after the first ``MOST`` of a partition's day (UTC, received)
are counted together. The decision on a record depends only on records at or before it: an entry is the offset at
which its name was admitted, never changes, and is ignored for records before that offset. A redelivery, cut
differently or after a kill, therefore decides the same. Of two entries of one name the least offset wins.

The entries share the table, and so the flush, of the events that were seen (``tables.seen``).
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Final

from app.cells import DAY
from app.records import check_schema
from app.topics import TIMINGS
from tables import seen
from tables.spec import Read, TableSpec, Write

SCHEMA: Final = 1
"""Of the entries of names."""

MOST: Final = 250
"""Names of one project, source partition and day."""

NAME: Final = b"n"
_DAY_MS: Final = DAY * 1000

_key = struct.Struct(">cIQ16s")
_prefix = struct.Struct(">cIQ")
_value = struct.Struct(">Bq")  # an offset below 0 belongs to an older generation of the log

Load = Callable[[bytes], Iterable[tuple[bytes, bytes]]]
"""Returns the local entries under a prefix."""


class Names:
    """Decides on the names of one batch, its records in order; ``admitted`` are the changelog records to write.

    ``load`` reads the table.
    """

    def __init__(self, load: Load) -> None:
        self.admitted: list[tuple[bytes, bytes]] = []
        self._load = load
        self._known: dict[bytes, dict[bytes, int]] = {}

    def admits(self, project: int, received: int, name: str, offset: int) -> bool:
        """Return whether a name in the record at ``offset``, received at ``received`` ms, is counted separately."""
        prefix = _prefix.pack(NAME, received // _DAY_MS, project)
        known = self._known_of(prefix)
        key = prefix + blake2b(name.encode(), digest_size=16).digest()
        first = known.get(key)
        if first is not None and first <= offset:
            return True
        if len(known) >= MOST and sum(1 for admitted in known.values() if admitted <= offset) >= MOST:
            return False
        known[key] = offset
        self.admitted.append((key, _value.pack(SCHEMA, offset)))
        return True

    def _known_of(self, prefix: bytes) -> dict[bytes, int]:
        known = self._known.get(prefix)
        if known is None:
            known = self._known[prefix] = {key: _offset(value) for key, value in self._load(prefix)}
        return known


def localise(read: Read, key: bytes, value: bytes | None) -> Iterator[Write]:
    """Yield the local writes of a changelog record of either kind; a name's least offset wins."""
    if len(key) != _key.size:
        yield from seen.localise(read, key, value)
        return
    known = read(key)
    if value is None or known is None or _offset(value) < _offset(known):
        yield key, value


TABLE: Final = TableSpec("seen", TIMINGS, "faultline-timings-seen-changelog", localise)
"""Events seen, and names, of the role timings."""


def shifted(key: bytes, value: bytes | None, by: int) -> tuple[bytes, bytes | None]:
    """Return a changelog record for the next generation, whose offset 0 follows offset ``by - 1`` of this one."""
    if len(key) != _key.size:
        return seen.shifted(key, value, by)
    return key, None if value is None else _value.pack(SCHEMA, _offset(value) - by)


def expired(local: Iterable[tuple[bytes, bytes]], before: int, most: int) -> list[bytes]:
    """Return at most ``most`` keys whose day ended before a time (ms), from those with the prefix ``NAME`` in order."""
    keys: list[bytes] = []
    for key, _ in local:
        if len(keys) == most or (_key.unpack(key)[1] + 1) * _DAY_MS > before:
            break
        keys.append(key)
    return keys


def _offset(value: bytes) -> int:
    schema, offset = _value.unpack(value)
    check_schema("names of timings", schema, SCHEMA)
    return int(offset)
