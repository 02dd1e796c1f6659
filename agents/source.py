"""The common part of the agents over source topics: the order of writes, halving, idle spans, expiry.

For each batch: the published records (``processed``, a delta for each partition of ``deltas``, dead letters) are
durable first, then the role's own state (changelog, then the local store), then the source offset is committed
(ARCHITECTURE.md, "Exactly-once effect"). An atomic log takes the published records and the changelog in one append. If
the process dies between two steps the batch is redelivered: each write is repeated under the same key and has no
further effect.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar, Final, NamedTuple

from agents import metrics
from agents.batch.dead_letters import FailureStreak
from agents.batch.records import ReadRecord
from agents.batch.result import BatchResult, Targets, empty_spans, too_large
from app.cells import HOUR
from app.log.batch import Batch, Claim
from app.log.contract import Record
from app.state.table import DurableTable
from app.stores.admin.projects import Projects
from app.stream.contract import Role
from app.topics import DEAD_LETTERS, DELTAS, PROCESSED, Source
from tables.behind import CommittedReceived
from tables.spec import TableSpec, Write

_HOUR_MS: Final = HOUR * 1000


class Work(NamedTuple):
    """The work of one batch: the result to publish, and the changelog records to write after it.

    ``published`` is called once the result is durable in the log.
    """

    result: BatchResult
    state: Iterable[Write]
    published: Callable[[], None] = lambda: None


class _ClaimState:
    """The state of one claim of a partition; a new claim starts with nothing."""

    def __init__(self, epoch: int) -> None:
        self.committed = CommittedReceived(epoch)
        self.failures = 0
        self.expired_hour: int | None = None


class SourceAgent(ABC):
    """The agent of one role over one source topic; subclasses add records to a result and choose what expires."""

    role: ClassVar[str]
    topic: ClassVar[str]
    spec: ClassVar[TableSpec]
    """The table of the role's state."""
    kinds: ClassVar[frozenset[str]]
    expire_most: ClassVar[int]
    """Changelog records of expired state that one batch deletes at most, so that no batch waits for long."""

    def __init__(self, role: Role) -> None:
        self._role = role
        self.table: DurableTable = role.durable_table(self.spec)
        self._projects = role.resource("projects", lambda: _projects(role))
        self._states: dict[int, _ClaimState] = {}
        self._secrets: dict[int, bytes] = {}

    @abstractmethod
    async def work(
        self,
        result: BatchResult,
        read: Sequence[ReadRecord],
        claim: Claim,
        secrets: Mapping[int, bytes],
    ) -> Work:
        """Add the readable records of a batch to its result, judged by the state in the table."""

    @abstractmethod
    def expired(self, partition: int, received: int) -> list[bytes]:
        """Return at most ``expire_most`` changelog keys of expired state.

        ``received`` (ms) is the greatest received time among records behind this owner's own, accepted commit.
        """

    async def handle(self, batch: Batch, claim: Claim) -> None:
        """Process one batch; on return all of it is durable. It may be called again with it after any error."""
        if batch.idle_at is not None:
            source = Source(batch.topic, batch.partition)
            await self._role.produce(empty_spans(source, batch.first, batch.idle_at, self._targets()))
            return
        await self._run(batch.records, claim, batch.lost)

    async def _run(self, records: Sequence[Record], claim: Claim, lost: int) -> None:
        state = self._state_of(claim)
        result = BatchResult(self.role, records, self._targets(), lost)
        read = result.readable(self.kinds)
        secrets = await self._secrets_of(read)
        work = await self.work(result, read, claim, secrets)
        streak = FailureStreak(self._role.settings.dead_letter_limit, state.failures)
        streak.follow(result.failed, [report.offset for report in result.stored])
        published = result.records()
        if too_large(published) and len(records) > 1:
            middle = len(records) // 2
            await self._run(records[:middle], claim, lost)
            await self._run(records[middle:], claim, 0)
            return
        self._stage(records[0].topic, claim, work.state)
        await self.table.flush(claim.partition, published)
        work.published()
        state.committed.handled(result.span.last, result.span.latest)
        state.failures = streak.count
        _measure(self.role, result)

    def _stage(self, topic: str, claim: Claim, writes: Iterable[Write]) -> None:
        """Stage expiry before new state: where both touch a local entry, the new one stays."""
        state = self._states[claim.partition]
        received = state.committed.received(self._role.accepted(topic, claim.partition))
        if received is not None:
            self._expire(state, claim.partition, received)
        for key, value in writes:
            self.table.stage(claim.partition, key, value)

    def _expire(self, state: _ClaimState, partition: int, received: int) -> None:
        """Delete expired state once an hour of received time, and again while there is more than one batch deletes."""
        hour = received // _HOUR_MS
        if state.expired_hour == hour:
            return
        keys = self.expired(partition, received)
        for key in keys:
            self.table.stage(partition, key, None)
        if len(keys) < self.expire_most:
            state.expired_hour = hour
        metrics.EXPIRED.labels(self.role).inc(len(keys))

    def _state_of(self, claim: Claim) -> _ClaimState:
        state = self._states.get(claim.partition)
        if state is None or state.committed.epoch != claim.epoch:
            self._states[claim.partition] = state = _ClaimState(claim.epoch)
        return state

    async def _secrets_of(self, read: Sequence[ReadRecord]) -> Mapping[int, bytes]:
        """Return the secrets of those projects of the batch that exist; secrets are immutable, so they are cached."""
        for project in {facts.project for _, facts in read} - self._secrets.keys():
            try:
                self._secrets[project] = await self._projects.value.user_secret(project)
            except LookupError:
                continue
        return self._secrets

    def _targets(self) -> Targets:
        partitions = self._role.partitions
        return Targets(self._role.generation, partitions(DELTAS), partitions(PROCESSED), partitions(DEAD_LETTERS))


@asynccontextmanager
async def _projects(role: Role) -> AsyncIterator[Projects]:
    async with role.pool() as pool:
        yield Projects(pool)


def _measure(role: str, result: BatchResult) -> None:
    outcomes = {
        "grouped": len(result.stored),
        "duplicate": result.duplicates,
        "refused": result.refused,
        "dead_lettered": len(result.dead_letters),
    }
    for outcome, count in outcomes.items():
        metrics.RECORDS.labels(role, outcome).inc(count)
    for code, count in Counter(dead.code for dead in result.dead_letters).items():
        metrics.DEAD_LETTERS.labels(role, code).inc(count)
    metrics.REPORT_BYTES.labels(role).inc(sum(len(report.payload) for report in result.stored))
