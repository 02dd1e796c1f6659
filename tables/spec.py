"""How a table module declares its table, for an agent to register."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

Read = Callable[[bytes], bytes | None]
"""Returns the value of a key in the local store, None for none."""

Write = tuple[bytes, bytes | None]
"""A key and its new value, None to delete it."""

Localise = Callable[[Read, bytes, bytes | None], Iterable[Write]]
"""(read local, changelog key, changelog value) -> local writes.

Pure. It is applied on stage and on recovery alike, so that a rule such as "greatest version wins" holds wherever a
record comes from; applied twice it must change nothing more."""


def identity(_: Read, key: bytes, value: bytes | None) -> Iterable[Write]:
    """Keep each changelog record as it is: the last one of a key wins."""
    return ((key, value),)


class TableSpec(NamedTuple):
    """A durable table: its name in its role, the topics it follows, and how changelog records become local writes.

    Topics are unqualified. The table has the partitions of ``source``; ``changelog`` is a compacted topic.
    """

    name: str
    source: str
    changelog: str
    localise: Localise = identity
