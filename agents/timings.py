"""Role timings: durations of pages and requests -> ``processed`` and ``deltas``."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import ClassVar, Final

from agents.batch.records import ReadRecord, keys_of
from agents.batch.result import BatchResult
from agents.batch.timings import KINDS, TimingBatch
from agents.source import SourceAgent, Work
from app.log.batch import Claim
from app.stream.contract import Role
from app.topics import TIMINGS
from tables import names, seen
from tables.names import Names
from tables.spec import TableSpec

EXPIRE_CHUNKS: Final = 4
"""Chunks that one batch deletes at most, as in ``agents.crashes``."""

EXPIRE_NAMES: Final = 500
"""Names that one batch deletes at most; each is small."""


def setup(role: Role) -> None:
    """Register the agent of the role."""
    role.consume(TIMINGS, TimingsAgent(role).handle)


class TimingsAgent(SourceAgent):
    """Reads ``timings``; its state is the events seen within a day and the names admitted; one table holds both."""

    role: ClassVar[str] = "timings"
    topic: ClassVar[str] = TIMINGS
    spec: ClassVar[TableSpec] = names.TABLE
    kinds: ClassVar[frozenset[str]] = KINDS
    expire_most: ClassVar[int] = EXPIRE_CHUNKS

    async def work(
        self,
        result: BatchResult,
        read: Sequence[ReadRecord],
        claim: Claim,
        secrets: Mapping[int, bytes],  # noqa: ARG002  timings hold no user
    ) -> Work:
        """Add the batch to its result, judged by the events seen and names admitted before it."""
        keys = keys_of(read)
        values = self.table.read_many(claim.partition, [seen.local_key(key) for key in keys])
        events = seen.Seen(seen.known_of(keys, values))
        admitted = Names(lambda prefix: self.table.scan(claim.partition, prefix))
        TimingBatch(result, events, admitted).add_all(read)
        return Work(result, chain(seen.chunks(events.firsts), admitted.admitted))

    def expired(self, partition: int, received: int) -> list[bytes]:
        """Return whole chunks of which no later record can be a duplicate, and the names of past days."""
        before = seen.expired_before(received)
        chunks = seen.expired(self.table.scan(partition, seen.CHUNK), before, self.expire_most)
        return [*chunks, *names.expired(self.table.scan(partition, names.NAME), before, EXPIRE_NAMES)]
