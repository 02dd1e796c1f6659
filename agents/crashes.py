"""Role crashes: decode -> scrub -> normalise -> fingerprint -> deduplicate -> ``processed`` and ``deltas``."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from agents.batch.crashes import KINDS, CrashBatch
from agents.batch.records import ReadRecord, keys_of
from agents.batch.result import BatchResult
from agents.source import SourceAgent, Work
from app.log.batch import Claim
from app.stream.contract import Role
from app.topics import CRASHES
from tables import seen
from tables.spec import TableSpec

EXPIRE_CHUNKS: Final = 4
"""Chunks that one batch deletes at most: a batch adds one or two, each with up to as many entries as a batch."""


def setup(role: Role) -> None:
    """Register the agent of the role."""
    role.consume(CRASHES, Crashes(role).handle)


class Crashes(SourceAgent):
    """Reads ``crashes``; its state is the events seen within a day."""

    role: ClassVar[str] = "crashes"
    topic: ClassVar[str] = CRASHES
    spec: ClassVar[TableSpec] = seen.TABLE
    kinds: ClassVar[frozenset[str]] = KINDS
    expire_most: ClassVar[int] = EXPIRE_CHUNKS

    def work(
        self,
        result: BatchResult,
        read: Sequence[ReadRecord],
        claim: Claim,
        secrets: Mapping[int, bytes],
    ) -> Work:
        """Add the batch to its result, judged by the events seen before it."""
        keys = keys_of(read)
        values = self.table.read_many(claim.partition, [seen.local_key(key) for key in keys])
        events = seen.Seen(seen.known_of(keys, values))
        CrashBatch(result, events, secrets).add_all(read)
        return Work(result, seen.chunks(events.firsts))

    def expired(self, partition: int, received: int) -> list[bytes]:
        """Return whole chunks of which no later record can be a duplicate."""
        return seen.expired(self.table.scan(partition, seen.CHUNK), seen.expired_before(received), self.expire_most)
