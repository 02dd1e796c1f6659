"""What the agents over source topics share: the order of their writes, halving, idle spans, expiry.

For each batch: what goes downstream (the ``processed`` record, a delta for each partition of ``deltas``, dead letters)
is durable first, then the role's own state (changelog, then the local store), then the loop commits the source offset
(DESIGN.md 3, "One commit order"). A kill in between leaves nothing done, or what a redelivery does again in vain.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar, Final, NamedTuple

import asyncpg

from agents import metrics
from agents.batch.dead_letters import InARow
from agents.batch.records import Read
from agents.batch.result import BatchResult, Targets, empty_spans, too_large
from app.cells import HOUR
from app.log.batch import Batch, Claim
from app.log.contract import Record
from app.state.table import DurableTable, Localise
from app.stores.admin.projects import Projects
from app.stream.role import RoleApp
from app.topics import DEAD_LETTERS, DELTAS, PROCESSED, Source
from tables.behind import Behind

Write = tuple[bytes, bytes | None]
_HOUR_MS: Final = HOUR * 1000


class Work(NamedTuple):
    """What a batch came to: the result to send, and the changelog records to write after it."""

    result: BatchResult
    state: Iterable[Write]


class _Owned:
    """What is remembered of one claim of a partition; nothing of it outlives the claim."""

    def __init__(self, epoch: int) -> None:
        self.behind = Behind(epoch)
        self.failures = 0
        self.looked_at: int | None = None


class SourceAgent(ABC):
    """One role over one source topic. Subclasses say how records are read and which state expires."""

    role: ClassVar[str]
    topic: ClassVar[str]
    kinds: ClassVar[frozenset[str]]
    expire_most: ClassVar[int]
    """Changelog records of expired state that one batch deletes at most, so that no batch waits for long."""

    def __init__(self, app: RoleApp, table: str, localise: Localise) -> None:
        """Declare the role's table and what it opens; registers nothing to be consumed."""
        self.app = app
        self.table: DurableTable = app.durable_table(table, source=self.topic, localise=localise)
        self._projects = app.resource("projects", lambda: _projects(app.settings.database_url))
        self._owned: dict[int, _Owned] = {}
        self._secrets: dict[int, bytes] = {}

    @abstractmethod
    def work(
        self,
        result: BatchResult,
        read: Sequence[Read],
        claim: Claim,
        secrets: Mapping[int, bytes],
    ) -> Work:
        """Put the readable records of a batch into its result, by the state that the table holds."""

    @abstractmethod
    def expired(self, partition: int, received: int) -> list[bytes]:
        """Return changelog keys of state that may go, ``expire_most`` at most.

        ``received`` (ms) is the greatest among records behind this owner's own, accepted commit.
        """

    async def handle(self, batch: Batch, claim: Claim) -> None:
        """Do one batch; on return all of it is durable. May be called again with the same batch after any error."""
        if batch.idle_at is not None:
            source = Source(batch.topic, batch.partition)
            await self.app.produce(empty_spans(source, batch.first, batch.idle_at, self._targets()))
            return
        await self._run(batch.records, claim, batch.lost)

    async def _run(self, records: Sequence[Record], claim: Claim, lost: int) -> None:
        owned = self._claimed(claim)
        result = BatchResult(self.role, records, self._targets(), lost)
        read = result.readable(self.kinds)
        work = self.work(result, read, claim, await self._secrets_of(read))
        in_a_row = InARow(self.app.settings.dead_letter_limit, owned.failures)
        in_a_row.follow(result.failed, [report.offset for report in result.stored])
        out = result.records()
        if too_large(out) and len(records) > 1:
            middle = len(records) // 2
            await self._run(records[:middle], claim, lost)
            await self._run(records[middle:], claim, 0)
            return
        await self.app.produce(out)
        self._stage(records[0].topic, claim, work.state)
        await self.table.flush(claim.partition)
        owned.behind.handled(result.span.last, result.span.latest)
        owned.failures = in_a_row.count
        _measure(self.role, result)

    def _stage(self, topic: str, claim: Claim, state: Iterable[Write]) -> None:
        """Stage what expired before what is new: where both touch a local entry, the new one stays."""
        owned = self._owned[claim.partition]
        received = owned.behind.received(self.app.accepted(topic, claim.partition))
        if received is not None:
            self._expire(owned, claim.partition, received)
        for key, value in state:
            self.table.stage(claim.partition, key, value)

    def _expire(self, owned: _Owned, partition: int, received: int) -> None:
        """Look once an hour of received time, and again while there is more than one batch may delete."""
        hour = received // _HOUR_MS
        if owned.looked_at == hour:
            return
        keys = self.expired(partition, received)
        for key in keys:
            self.table.stage(partition, key, None)
        if len(keys) < self.expire_most:
            owned.looked_at = hour
        metrics.EXPIRED.labels(self.role).inc(len(keys))

    def _claimed(self, claim: Claim) -> _Owned:
        owned = self._owned.get(claim.partition)
        if owned is None or owned.behind.epoch != claim.epoch:
            self._owned[claim.partition] = owned = _Owned(claim.epoch)
        return owned

    async def _secrets_of(self, read: Sequence[Read]) -> Mapping[int, bytes]:
        """Return the secrets of the batch's projects; one that does not exist has none (immutable, so kept for good)."""
        for project in {facts.project for _, facts in read} - self._secrets.keys():
            try:
                self._secrets[project] = await self._projects.value.user_secret(project)
            except LookupError:
                continue
        return self._secrets

    def _targets(self) -> Targets:
        partitions = self.app.partitions
        return Targets(self.app.generation, partitions(DELTAS), partitions(PROCESSED), partitions(DEAD_LETTERS))


@asynccontextmanager
async def _projects(url: str) -> AsyncIterator[Projects]:
    async with asyncpg.create_pool(url, min_size=0, max_size=1) as pool:
        yield Projects(pool)


def _measure(role: str, result: BatchResult) -> None:
    outcomes = {
        "grouped": len(result.stored),
        "duplicate": result.duplicates,
        "refused": result.refused,
        "dead_lettered": len(result.letters),
    }
    for outcome, count in outcomes.items():
        metrics.RECORDS.labels(role, outcome).inc(count)
    for code, count in Counter(dead.code for dead in result.letters).items():
        metrics.DEAD_LETTERS.labels(role, code).inc(count)
    metrics.REPORT_BYTES.labels(role).inc(sum(len(report.payload) for report in result.stored))
