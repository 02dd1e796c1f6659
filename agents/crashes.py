"""Role crashes: decode → scrub → normalise → fingerprint → deduplicate → ``processed`` and ``deltas``."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from agents.batch.crashes import KINDS, CrashBatch
from agents.batch.records import Read, keys_of
from agents.batch.result import BatchResult
from agents.source import SourceAgent, Work
from app.log.batch import Claim
from app.stream.role import RoleApp
from app.topics import CRASHES
from tables import seen

EXPIRE_CHUNKS: Final = 4
"""Chunks that one batch deletes at most: a batch adds one or two, and each may hold as many entries as a batch."""


def setup(app: RoleApp) -> None:
    """Register the role on its App."""
    app.consume(CRASHES, Crashes(app).handle)


class Crashes(SourceAgent):
    """Reads ``crashes``; its state is which events were seen within a day."""

    role: ClassVar[str] = "crashes"
    topic: ClassVar[str] = CRASHES
    kinds: ClassVar[frozenset[str]] = KINDS
    expire_most: ClassVar[int] = EXPIRE_CHUNKS

    def __init__(self, app: RoleApp) -> None:
        """Declare the table ``seen``."""
        super().__init__(app, "seen", seen.localise)

    def work(
        self,
        result: BatchResult,
        read: Sequence[Read],
        claim: Claim,
        secrets: Mapping[int, bytes],
    ) -> Work:
        """Judge the batch by what was seen before it."""
        keys = keys_of(read)
        values = self.table.read_many(claim.partition, [seen.local_key(key) for key in keys])
        judge = seen.Seen(seen.known_of(keys, values))
        CrashBatch(result, judge, secrets).add_all(read)
        return Work(result, seen.chunks(judge.firsts))

    def expired(self, partition: int, received: int) -> list[bytes]:
        """Return whole chunks that no record to come can be a duplicate of."""
        return seen.expired(self.table.scan(partition, seen.CHUNK), seen.expired_before(received), self.expire_most)
