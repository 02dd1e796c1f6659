"""Role sessions: session updates, aggregates and client reports -> ``processed`` and ``deltas``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final

from agents.batch.records import ReadRecord
from agents.batch.result import BatchResult
from agents.batch.sessions import KINDS, ChangedSession, SessionBatch, keys_of
from agents.source import SourceAgent, Work
from app.log.batch import Claim
from app.stream.contract import Role
from app.topics import SESSIONS
from tables import sessions
from tables.spec import TableSpec, Write

EXPIRE_STATES: Final = 2000
"""States that one batch deletes at most: twice what a batch can add."""


def setup(role: Role) -> None:
    """Register the agent of the role."""
    role.consume(SESSIONS, Sessions(role).handle)


class Sessions(SourceAgent):
    """Reads ``sessions``; its state is the status of each session of the last 5 days."""

    role: ClassVar[str] = "sessions"
    topic: ClassVar[str] = SESSIONS
    spec: ClassVar[TableSpec] = sessions.TABLE
    kinds: ClassVar[frozenset[str]] = KINDS
    expire_most: ClassVar[int] = EXPIRE_STATES

    async def work(
        self,
        result: BatchResult,
        read: Sequence[ReadRecord],
        claim: Claim,
        secrets: Mapping[int, bytes],
    ) -> Work:
        """Advance the sessions of the batch from the states in the table."""
        keys = list(dict.fromkeys(keys_of(read)))
        values = self.table.read_many(claim.partition, [sessions.local_key(key) for key in keys])
        states = zip(keys, map(sessions.decode, values), strict=True)
        known = {key: state for key, state in states if state is not None}
        batch = SessionBatch(result, known, secrets, claim.epoch)
        batch.add_all(read)
        return Work(result, _staged(batch.changed))

    def expired(self, partition: int, received: int) -> list[bytes]:
        """Return sessions whose 5 days are over for every later record."""
        local = self.table.scan(partition, sessions.EXPIRY)
        return sessions.expired(local, sessions.expired_before(received), self.expire_most)


def _staged(changed: Sequence[ChangedSession]) -> Iterator[Write]:
    for key, before, after in changed:
        yield from sessions.staged(key, before, after)
