"""Role crashes: decode -> scrub -> normalise -> fingerprint -> deduplicate -> ``processed`` and ``deltas``."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import ClassVar, Final

from agents.batch.crashes import KINDS, CrashBatch
from agents.batch.records import ReadRecord, keys_of
from agents.batch.result import BatchResult
from agents.batch.sights import BatchSights, SentSights
from agents.source import SourceAgent, Work
from app.grouping.rules import Rules
from app.log.batch import Claim
from app.stores.admin.rules import ProjectRules, UnknownVersion
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
    """Reads ``crashes``; its state is the events seen within a day.

    It remembers which sights of groups it has appended: that saves bytes, and nothing depends on it.
    """

    role: ClassVar[str] = "crashes"
    topic: ClassVar[str] = CRASHES
    spec: ClassVar[TableSpec] = seen.TABLE
    kinds: ClassVar[frozenset[str]] = KINDS
    expire_most: ClassVar[int] = EXPIRE_CHUNKS

    def __init__(self, role: Role) -> None:
        super().__init__(role)
        self._rules = role.resource("rules", lambda: _project_rules(role))
        self._sent = SentSights()

    async def work(
        self,
        result: BatchResult,
        read: Sequence[ReadRecord],
        claim: Claim,
        secrets: Mapping[int, bytes],
    ) -> Work:
        """Add the batch to its result, judged by the events seen before it."""
        rules, keys = await self._rules_of(read), keys_of(read)
        values = self.table.read_many(claim.partition, [seen.local_key(key) for key in keys])
        events = seen.Seen(seen.known_of(keys, values))
        sights = BatchSights(result.source, self._sent)
        CrashBatch(result, events, secrets, rules, sights).add_all(read)
        return Work(result, seen.chunks(events.firsts), lambda: self._sent.sent(sights))

    async def _rules_of(self, read: Sequence[ReadRecord]) -> dict[tuple[int, int], Rules]:
        """Return the versions of rules that records are stamped with; waits for PostgreSQL where one is new."""
        versions = {(facts.project, facts.project_rules) for _, facts in read if facts.project_rules}
        rules: dict[tuple[int, int], Rules] = {}
        for project, version in versions:
            with suppress(UnknownVersion):  # its records become dead letters
                rules[project, version] = await self._rules.value.get(project, version)
        return rules

    def expired(self, partition: int, received: int) -> list[bytes]:
        """Return whole chunks of which no later record can be a duplicate."""
        return seen.expired(self.table.scan(partition, seen.CHUNK), seen.expired_before(received), self.expire_most)


@asynccontextmanager
async def _project_rules(role: Role) -> AsyncIterator[ProjectRules]:
    async with role.pool() as pool:
        yield ProjectRules(pool)
