"""A role of a worker process: the few calls that its agents are written against, and the order of each batch.

One Faust agent over each consumed topic; its unit of work is a batch. The order of a batch is fixed here: the handler
makes everything durable (downstream first, then the role's own state), and only then is the batch acknowledged.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar, cast

import faust
from faust.types import TP, EventT, StreamT

from app import topics
from app.errors import MissingOffsets
from app.log.batch import Batch, Claim
from app.log.contract import LogFull, LogUnavailable, NewRecord, TopicSpec
from app.log.open import AnyLog, on_kafka, open_log
from app.postgres import AWAY, RELAXED, make_pool
from app.settings import Settings
from app.state.rocksdb import Memory, forget_former
from app.state.table import DurableTable, Revoked, working_claim
from app.stores.errors import StoreUnavailable
from app.stream import metrics
from app.stream.batching import BatchSchema, fatal
from app.stream.contract import Handle
from app.stream.faust_app import FaustApp
from app.stream.lanes import Lanes
from app.stream.resources import Resource, Shared
from tables.spec import TableSpec

if TYPE_CHECKING:
    from app.postgres import Pool

T = TypeVar("T")

RETRIED: Final = (StoreUnavailable, LogUnavailable, LogFull, *AWAY)
"""Errors of a backend that cannot work for now. Any other error ends the process: a guess would lose data."""

FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 5.0
"""Seconds between tries of a batch: soon at first, then seldom enough not to keep a sick backend from recovering."""

BUFFERED_BATCHES: Final = 2
"""Batches read ahead of an agent: enough to keep it busy, and the factor of its memory."""

LINGER_SECONDS: Final = 0.005
"""How long a small append waits for those of other batches of its round, which are computed one after another."""

CONNECTIONS: Final = 4
CONNECT_SECONDS: Final = 5.0
STATEMENT_SECONDS: Final = 30.0
"""Longer than any healthy statement of an agent takes; the batch is then tried again."""

POOL_SETTINGS: Final = {"application_name": "faultline worker", "timezone": "UTC", "jit": "off"}

IDLE_SECONDS: Final = 15.0
"""How often an idle partition delivers an empty batch."""

log = logging.getLogger(__name__)


class Process:
    """What the roles of one process share: settings, the log's open generation and its name, memory of tables.

    ``settings`` name a database that can be reached; ``deltas`` is the number of partitions of ``deltas`` and ``rates``
    in the generation, None for that of the sources.
    """

    def __init__(self, settings: Settings, generation: int, log_id: str, deltas: int | None = None) -> None:
        self.settings = settings
        self.generation = generation
        self.log_id = log_id
        self.deltas = settings.partitions if deltas is None else deltas
        self.memory = Memory(settings.rocksdb_mb)
        self.log: Shared[AnyLog] = Shared(lambda: open_log(settings, linger=LINGER_SECONDS))
        self.pool: Shared[Pool] = Shared(
            lambda: make_pool(settings.database_url, max_size=CONNECTIONS, **self._options())
        )
        """Connections to the database for all agents. Where the log is in it as well their commits may be lost with a
        crash of the server (EXACTNESS.md, "Commits that may be lost")."""
        self.roles: list[RoleApp] = []

    def _options(self) -> dict[str, Any]:
        server = {**POOL_SETTINGS, **({} if on_kafka(self.settings) else RELAXED)}
        return {"timeout": CONNECT_SECONDS, "command_timeout": STATEMENT_SECONDS, "server_settings": server}


class RoleApp:
    """One role: its consumer group, its agents, its tables. Nothing is opened before its Faust App starts."""

    def __init__(self, role: str, process: Process, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self.role = role
        self.settings = process.settings
        self.generation = process.generation
        self.idle_seconds = idle_seconds
        self.round_seconds = 0.0
        self.claims: dict[int, Claim] = {}
        """By partition number what this process owns now."""
        self.waiting: dict[TP, str] = {}
        """By partition whose batch waits for a backend the class of the backend's error."""
        self.log: AnyLog
        self.process = process
        process.roles.append(self)
        self._tables: dict[str, tuple[str, DurableTable]] = {}
        self._resources: list[Resource[Any]] = []
        self._consumed: list[str] = []
        self._next: dict[TP, tuple[Claim, int]] = {}
        self.directory = self.settings.data_dir / "state" / role / str(self.generation)
        self.faust = FaustApp.of(self, str(self.directory))

    # -- what a role declares ---------------------------------------------------------------------------------------

    def consume(self, name: str, handle: Handle, *, rounds: int = 1) -> None:
        """Call ``handle`` with each batch of a topic (unqualified), those of one partition in order.

        Batches of different partitions are handled side by side, together no more than one full batch. ``handle`` is
        called again after StoreUnavailable, LogUnavailable, LogFull and lost connections, with what it staged dropped;
        any other error ends the process. The batch is acknowledged after it returned. The role reads its topics at most
        once in ``rounds`` times the round of the settings.
        """
        topic = self.faust.topic(self._qualified(name), schema=BatchSchema())
        topic.maxsize = BUFFERED_BATCHES  # App.topic drops its argument of that name
        self._consumed.append(name)
        self.round_seconds = max(self.round_seconds, rounds * self.settings.round_ms / 1000)

        async def work(stream: StreamT[Any]) -> None:
            source = cast("faust.Stream[Batch]", stream).noack()

            async def finish(event: EventT[Any], batch: Batch, claim: Claim) -> None:
                if await self._work(handle, batch, claim):
                    await source.ack(event)

            async with asyncio.TaskGroup() as tasks:
                lanes = Lanes(tasks, self.settings.batch_records, self.settings.batch_mb << 20)
                async for event in source.events():
                    batch = cast("Batch", event.value)
                    # The claim of its delivery: a batch that waits for its turn must not begin under a later one.
                    claim = self.claims.get(batch.partition)
                    if claim is not None:
                        await lanes.start(batch, partial(finish, event, batch, claim))

        self.faust.agent(topic, name=f"{self.role}.{name}")(work)

    def durable_table(self, spec: TableSpec) -> DurableTable:
        """Declare a table. Raises ValueError for a second one of its name."""
        if spec.name in self._tables:
            raise ValueError(f"role {self.role} has a table {spec.name} already")
        table = DurableTable(spec.name, self._qualified(spec.changelog), localise=spec.localise)
        self._tables[spec.name] = (self._qualified(spec.source), table)
        return table

    def resource(self, name: str, opener: Callable[[], AbstractAsyncContextManager[T]]) -> Resource[T]:
        """Declare a resource that is opened before the agents start and closed after they stopped."""
        resource = Resource(opener, name)
        self._resources.append(resource)
        return resource

    def pool(self) -> "AbstractAsyncContextManager[Pool]":
        """Return the process's pool of connections to the database, open for the block that enters it."""
        return self.process.pool.use()

    # -- what a handler calls ---------------------------------------------------------------------------------------

    async def produce(self, records: Sequence[NewRecord]) -> None:
        """Append records to the log, all or none; durable on return. Raises what the log's append raises."""
        await self.log.append(records)

    async def fatal(self, error: BaseException) -> NoReturn:
        """End the process: what is finished is committed, the present batch is not, the exit code is not 0."""
        await fatal(self.faust, error)

    def accepted(self, topic: str, partition: int) -> int | None:
        """Return the last offset of a source (as a batch names it) that a commit of this claim covered, else None."""
        accepted: dict[TP, int] = self.faust.consumer.accepted  # type: ignore[attr-defined]  # Batching's
        return accepted.get(TP(topic, partition))

    def partitions(self, name: str) -> int:
        """Return the number of partitions of a topic (unqualified)."""
        return self.process.deltas if name in topics.FOLDED else self.settings.partitions

    # -- what the worker and the transport call ---------------------------------------------------------------------

    @property
    def consumed(self) -> frozenset[str]:
        """The topics (unqualified) that have an agent."""
        return frozenset(self._consumed)

    @property
    def table_names(self) -> frozenset[str]:
        """The tables declared."""
        return frozenset(self._tables)

    async def open(self, enter: Callable[[AbstractAsyncContextManager[Any]], Awaitable[Any]]) -> None:
        """Open log and resources through ``enter``, which closes them at the stop, and create missing topics."""
        self.log = await enter(self.process.log.use())
        await self.log.ensure(self.specs())
        await asyncio.to_thread(forget_former, self.directory.parent, self.generation)
        for _, table in self._tables.values():
            table.attach(self.log, self.directory / "tables", self.process.memory, self.process.log_id)
        for resource in self._resources:
            await enter(resource.opened())

    async def open_partitions(self, claimed: dict[int, int]) -> None:
        """Recover the tables of newly claimed partition numbers, each with its epoch. Raises LogError, OSError."""
        for number, epoch in sorted(claimed.items()):
            for _, table in self._tables.values():
                await table.open(number, epoch)
            self.claims[number] = Claim(number, epoch)

    def close_partitions(self, numbers: Iterable[int]) -> None:
        """Close the tables of partition numbers; a batch that is still in work on them finds its claim gone."""
        for number in list(numbers):
            self.claims.pop(number, None)
            self.waiting = {tp: error for tp, error in self.waiting.items() if tp.partition != number}
            for _, table in self._tables.values():
                table.close(number)

    def specs(self) -> list[TopicSpec]:
        """Return the topics that must exist: all that events go through, and the changelogs of this role's tables."""
        kept = (*topics.SOURCES, topics.PROCESSED, topics.DELTAS, topics.DEAD_LETTERS)
        compacted = {self._qualified(topics.RATES): self.partitions(topics.RATES)}
        compacted |= {
            table.changelog: self.partitions(topics.unqualified(source)) for source, table in self._tables.values()
        }
        return [
            *(TopicSpec(self._qualified(name), self.partitions(name)) for name in kept),
            *(TopicSpec(name, count, "compact") for name, count in sorted(compacted.items())),
        ]

    def _qualified(self, name: str) -> str:
        return topics.qualified(self.generation, name)

    # -- the order of one batch -------------------------------------------------------------------------------------

    async def _work(self, handle: Handle, batch: Batch, claim: Claim) -> bool:
        """Handle one batch until it is done; False where its partition was revoked since its delivery."""
        if self.claims.get(batch.partition) is not claim:
            return False
        await self._refuse_gap(batch, claim)
        working_claim.set(claim)
        tp, begun, delay = TP(batch.topic, batch.partition), monotonic(), FIRST_DELAY
        while self.claims.get(batch.partition) is claim:
            self._discard(batch)
            try:
                await handle(batch, claim)
            except Revoked:
                return False
            except RETRIED as error:
                if isinstance(error, ValueError):  # asyncpg counts a wrong argument among the errors of its interface
                    await self.fatal(error)
                log.warning("%s: %s/%d at %d waits for a backend: %r",
                            self.role, batch.topic, batch.partition, batch.first, error)  # fmt: skip
                self.waiting[tp] = type(error).__name__
                metrics.RETRIES.labels(self.role, self.waiting[tp]).inc()
                await asyncio.sleep(delay)
                delay = min(2 * delay, LONGEST_DELAY)
            except Exception as error:  # noqa: BLE001  whatever it is, passing over the batch would lose it
                await self.fatal(error)
            else:
                self._next[tp] = (claim, batch.last + 1)
                self.waiting.pop(tp, None)
                metrics.finished(self.role, len(batch), monotonic() - begun)
                return True
        return False

    def _discard(self, batch: Batch) -> None:
        for source, table in self._tables.values():
            if source == batch.topic:
                table.discard(batch.partition)

    async def _refuse_gap(self, batch: Batch, claim: Claim) -> None:
        """End the process where a batch was lost on its way here: the agent must see all of a claim, in order."""
        known = self._next.get(TP(batch.topic, batch.partition))
        start = batch.first - batch.lost
        if known is not None and known[0] is claim and start > known[1]:
            await self.fatal(MissingOffsets(batch.topic, batch.partition, known[1], start))


def process_of(app: FaustApp) -> Process:
    """Return the process that the role of this Faust App belongs to. Raises TypeError for another kind of role."""
    if not isinstance(app.role_app, RoleApp):
        raise TypeError(f"{app.role_app!r} is no RoleApp")
    return app.role_app.process
