"""Role sessions: session updates, aggregates and client reports → ``processed`` and ``deltas``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final

from agents.batch.records import Read
from agents.batch.result import BatchResult
from agents.batch.sessions import KINDS, Changed, SessionBatch, keys_of
from agents.source import SourceAgent, Work
from app.log.batch import Claim
from app.stream.role import RoleApp
from app.topics import SESSIONS
from tables import sessions

EXPIRE_STATES: Final = 2000
"""States that one batch deletes at most: twice what a batch can add."""


def setup(app: RoleApp) -> None:
    """Register the role on its App."""
    app.consume(SESSIONS, Sessions(app).handle)


class Sessions(SourceAgent):
    """Reads ``sessions``; its state is how far each session has come within 5 days."""

    role: ClassVar[str] = "sessions"
    topic: ClassVar[str] = SESSIONS
    kinds: ClassVar[frozenset[str]] = KINDS
    expire_most: ClassVar[int] = EXPIRE_STATES

    def __init__(self, app: RoleApp) -> None:
        """Declare the table ``sessions``."""
        super().__init__(app, "sessions", sessions.localise)

    def work(
        self,
        result: BatchResult,
        read: Sequence[Read],
        claim: Claim,
        secrets: Mapping[int, bytes],
    ) -> Work:
        """Advance the sessions of the batch from the states that the table holds."""
        keys = list(dict.fromkeys(keys_of(read)))
        values = self.table.read_many(claim.partition, [sessions.local_key(key) for key in keys])
        states = zip(keys, map(sessions.decode, values), strict=True)
        known = {key: state for key, state in states if state is not None}
        batch = SessionBatch(result, known, secrets, claim.epoch)
        batch.add_all(read)
        return Work(result, _staged(batch.changed))

    def expired(self, partition: int, received: int) -> list[bytes]:
        """Return sessions whose 5 days are over for every record to come."""
        local = self.table.scan(partition, sessions.EXPIRY)
        return sessions.expired(local, sessions.expired_before(received), self.expire_most)


def _staged(changed: Sequence[Changed]) -> Iterator[tuple[bytes, bytes | None]]:
    for key, before, after in changed:
        yield from sessions.staged(key, before, after)
