"""Which names of timings are counted by themselves: the first so many of a project on each day, by the log's order.

Clients choose names, so their number has no bound of its own; what comes after the first ``MOST`` of a partition's day
(UTC, received) is counted together. The verdict on a record follows from the records at or before it alone: an entry
is the offset at which its name was admitted, is never changed, and one beyond the record is as if it were not there.
So a redelivery, cut differently or after a kill, gives the same. Of two entries of one name the least offset wins.

The entries share the table, and so the flush, of the events that were seen (``tables.seen``).
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Final

from app.cells import DAY
from app.records import SCHEMA, UnknownSchema
from tables import seen

MOST: Final = 250
"""Names of one project, source partition and day."""

NAME: Final = b"n"
_DAY_MS: Final = DAY * 1000

_key = struct.Struct(">cIQ16s")
_prefix = struct.Struct(">cIQ")
_value = struct.Struct(">Bq")  # below 0 it is of an older generation of the log

Load = Callable[[bytes], Iterable[tuple[bytes, bytes]]]
"""Return the local entries under a prefix."""


class Names:
    """Judges the names of one batch, its records in order; what was admitted is in ``admitted``."""

    def __init__(self, load: Load) -> None:
        """Take what gives the table's entries of a prefix."""
        self.admitted: list[tuple[bytes, bytes]] = []
        self._load = load
        self._known: dict[bytes, dict[bytes, int]] = {}

    def admits(self, project: int, received: int, name: str, offset: int) -> bool:
        """Return whether a name in the record at ``offset``, received at ``received`` ms, is counted by itself."""
        prefix = _prefix.pack(NAME, received // _DAY_MS, project)
        known = self._known_of(prefix)
        key = prefix + blake2b(name.encode(), digest_size=16).digest()
        first = known.get(key)
        if first is not None and first <= offset:
            return True
        if len(known) >= MOST and sum(1 for each in known.values() if each <= offset) >= MOST:
            return False
        known[key] = offset
        self.admitted.append((key, _value.pack(SCHEMA, offset)))
        return True

    def _known_of(self, prefix: bytes) -> dict[bytes, int]:
        known = self._known.get(prefix)
        if known is None:
            known = self._known[prefix] = {key: _offset(value) for key, value in self._load(prefix)}
        return known


def localise(read: seen.Read, key: bytes, value: bytes | None) -> Iterator[seen.Write]:
    """Turn a changelog record of either kind into local writes; a name's least offset wins."""
    if len(key) != _key.size:
        yield from seen.localise(read, key, value)
        return
    known = read(key)
    if value is None or known is None or _offset(value) < _offset(known):
        yield key, value


def shifted(key: bytes, value: bytes | None, by: int) -> tuple[bytes, bytes | None]:
    """Return a changelog record as it is in a generation whose offset 0 follows offset ``by - 1`` of this one."""
    if len(key) != _key.size:
        return seen.shifted(key, value, by)
    return key, None if value is None else _value.pack(SCHEMA, _offset(value) - by)


def expired(local: Iterable[tuple[bytes, bytes]], before: int, most: int) -> list[bytes]:
    """Return at most ``most`` keys whose day ended before a time (ms), from those with the prefix ``NAME`` in order."""
    found: list[bytes] = []
    for key, _ in local:
        if len(found) == most or (_key.unpack(key)[1] + 1) * _DAY_MS > before:
            break
        found.append(key)
    return found


def _offset(value: bytes) -> int:
    schema, offset = _value.unpack(value)
    if schema != SCHEMA:
        raise UnknownSchema(f"a name of schema {schema}: upgrade the worker first")
    return int(offset)
