"""Role timings: durations of pages and requests → ``processed`` and ``deltas``."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import ClassVar, Final

from agents.batch.records import Read, keys_of
from agents.batch.result import BatchResult
from agents.batch.timings import KINDS, TimingBatch
from agents.source import SourceAgent, Work
from app.log.batch import Claim
from app.stream.role import RoleApp
from app.topics import TIMINGS
from tables import names, seen
from tables.names import Names

EXPIRE_CHUNKS: Final = 4
"""Chunks that one batch deletes at most, as the crashes agent does."""

EXPIRE_NAMES: Final = 500
"""Names that one batch deletes at most, each of them small."""


def setup(app: RoleApp) -> None:
    """Register the role on its App."""
    app.consume(TIMINGS, TimingsAgent(app).handle)


class TimingsAgent(SourceAgent):
    """Reads ``timings``; its state is which events were seen within a day, and which names were admitted."""

    role: ClassVar[str] = "timings"
    topic: ClassVar[str] = TIMINGS
    kinds: ClassVar[frozenset[str]] = KINDS
    expire_most: ClassVar[int] = EXPIRE_CHUNKS

    def __init__(self, app: RoleApp) -> None:
        """Declare the table ``seen``, which holds both."""
        super().__init__(app, "seen", names.localise)

    def work(
        self,
        result: BatchResult,
        read: Sequence[Read],
        claim: Claim,
        secrets: Mapping[int, bytes],  # noqa: ARG002  timings name no user
    ) -> Work:
        """Judge the batch by what was seen and admitted before it."""
        keys = keys_of(read)
        values = self.table.read_many(claim.partition, [seen.local_key(key) for key in keys])
        judge = seen.Seen(seen.known_of(keys, values))
        admitted = Names(lambda prefix: self.table.scan(claim.partition, prefix))
        TimingBatch(result, judge, admitted).add_all(read)
        return Work(result, chain(seen.chunks(judge.firsts), admitted.admitted))

    def expired(self, partition: int, received: int) -> list[bytes]:
        """Return whole chunks that no record to come can be a duplicate of, and the names of days gone by."""
        before = seen.expired_before(received)
        chunks = seen.expired(self.table.scan(partition, seen.CHUNK), before, self.expire_most)
        return [*chunks, *names.expired(self.table.scan(partition, names.NAME), before, EXPIRE_NAMES)]
