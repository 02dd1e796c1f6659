"""A role's Faust App, and the few calls that its agents are written against.

One Faust agent over each consumed topic; its unit of work is a batch. The order of a batch is fixed here: the handler
makes everything durable (downstream first, then the role's own state), and only then is the batch acknowledged.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from time import monotonic
from typing import Any, Final, NoReturn, TypeVar, cast

import faust
from faust.app.base import BootStrategy
from faust.tables.manager import TableManager
from faust.types import TP, StreamT
from mode import CrashingSupervisor

from app import topics
from app.log.batch import Batch, Claim
from app.log.contract import LogFull, LogUnavailable, NewRecord, TopicSpec
from app.log.open import AnyLog, on_kafka, open_log
from app.postgres import AWAY
from app.roles import group_of
from app.settings import Settings
from app.state.rocksdb import Memory, forget_former
from app.state.table import DurableTable, Localise, Revoked, identity, working_claim
from app.stores.errors import StoreUnavailable
from app.stream import metrics
from app.stream.batching import BatchSchema, fatal
from app.stream.kafka import Transport as KafkaTransport
from app.stream.postgres import Transport
from app.stream.resources import Resource, Shared

__all__ = ["Batch", "Claim", "Resource", "RoleApp"]

T = TypeVar("T")
Handle = Callable[[Batch, Claim], Awaitable[None]]

RETRIED: Final = (StoreUnavailable, LogUnavailable, LogFull, *AWAY)
"""What a backend says when it cannot work for now. Everything else ends the process: a guess would lose data."""

FIRST_DELAY: Final = 0.1
LONGEST_DELAY: Final = 5.0
"""Seconds between tries of a batch: soon at first, then seldom enough not to keep a sick backend from recovering."""

BUFFERED_BATCHES: Final = 2
"""Batches read ahead of an agent: enough to keep it busy, and the factor of its memory."""

COMMIT_SECONDS: Final = 0.5
"""How much work a killed process leaves to be done again, and how old commits are that "complete until" looks at."""

IDLE_SECONDS: Final = 15.0
"""How often an idle partition says so."""

log = logging.getLogger(__name__)


class Process:
    """What the roles of one process share: settings, generation, database, log, memory."""

    def __init__(self, settings: Settings, generation: int, log_id: str) -> None:
        """Take settings whose database can be reached, the log's open generation, and the log's name."""
        self.settings = settings
        self.generation = generation
        self.log_id = log_id
        self.memory = Memory(settings.rocksdb_mb)
        self.log: Shared[AnyLog] = Shared(lambda: open_log(settings))
        self.roles: list[RoleApp] = []


class _Boot(BootStrategy):
    enable_web = False


class _Tables(TableManager):
    """Faust's manager without its tables: it only resumes the streams, and need not wait a second to do so."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class FaustApp(faust.App):
    """The Faust side of a role; ``RoleApp`` is what agents see."""

    BootStrategy = _Boot
    role_app: "RoleApp"

    def _new_transport(self) -> Transport | KafkaTransport:
        driver = KafkaTransport if on_kafka(self.role_app.settings) else Transport
        return driver(self.conf.broker_consumer, self)

    _new_producer_transport = _new_transport

    async def on_first_start(self) -> None:
        """Make the data folder with its parents, which Faust does not."""
        self.conf.tabledir.mkdir(parents=True, exist_ok=True)
        await super().on_first_start()

    async def on_start(self) -> None:
        """Open what the role needs before its consumer and agents start."""
        await super().on_start()
        await self.role_app.open(self.add_async_context)


class RoleApp:
    """One role: its consumer group, its agents, its tables. Agents get it in their ``setup``."""

    def __init__(self, role: str, process: Process, *, idle_seconds: float = IDLE_SECONDS) -> None:
        """Make the App of a role; nothing is opened yet."""
        self.role = role
        self.settings = process.settings
        self.generation = process.generation
        self.idle_seconds = idle_seconds
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
        self.faust = FaustApp(
            group_of(role),
            broker="kafkab://" if on_kafka(self.settings) else "pglog://",
            store="memory://",
            datadir=str(self.directory),
            autodiscover=False,
            web_enabled=False,
            topic_disable_leader=True,
            topic_partitions=self.settings.partitions,
            table_standby_replicas=0,
            key_serializer="raw",
            value_serializer="raw",
            stream_wait_empty=True,
            broker_commit_interval=COMMIT_SECONDS,
            producer_request_timeout=30.0,
            agent_supervisor=CrashingSupervisor,
            TableManager=_Tables,
            Worker="app.runtime.worker:RoleWorker",
        )
        self.faust.role_app = self

    # -- what a role declares ---------------------------------------------------------------------------------------

    def consume(self, name: str, handle: Handle) -> None:
        """Have ``handle`` called with each batch of a topic (unqualified), those of one partition in order.

        It is called again after StoreUnavailable, LogUnavailable, LogFull and lost connections, with what it staged
        dropped; any other error ends the process. The batch is acknowledged after it returned.
        """
        topic = self.faust.topic(self._qualified(name), schema=BatchSchema())
        topic.maxsize = BUFFERED_BATCHES  # App.topic drops its argument of that name
        self._consumed.append(name)

        async def work(stream: StreamT[Any]) -> None:
            source = cast("faust.Stream[Batch]", stream).noack()
            async for event in source.events():
                if await self._work(handle, cast("Batch", event.value)):
                    await source.ack(event)

        self.faust.agent(topic, name=f"{self.role}.{name}")(work)

    def durable_table(
        self, name: str, *, source: str, changelog: str | None = None, localise: Localise = identity
    ) -> DurableTable:
        """Declare a table that shares the partitions of the topic ``source``; names are unqualified."""
        if name in self._tables:
            raise ValueError(f"role {self.role} has a table {name} already")
        table = DurableTable(
            name, self._qualified(changelog or f"faultline-{self.role}-{name}-changelog"), localise=localise
        )
        self._tables[name] = (self._qualified(source), table)
        return table

    def resource(self, name: str, opener: Callable[[], AbstractAsyncContextManager[T]]) -> Resource[T]:
        """Declare something that is opened before the agents start and closed after they stopped; ``.value`` is it."""
        resource = Resource(opener, name)
        self._resources.append(resource)
        return resource

    # -- what a handler calls ---------------------------------------------------------------------------------------

    async def produce(self, records: Sequence[NewRecord]) -> None:
        """Append records to the log, all or none; durable on return. Raises what the log's append raises."""
        await self.log.append(records)

    async def fatal(self, error: BaseException) -> NoReturn:
        """End the process: what is finished is committed, the present batch is not, the exit code is not 0."""
        await fatal(self.faust, error)

    def accepted(self, topic: str, partition: int) -> int | None:
        """Give the last offset of a source (as a batch names it) that a commit of this claim covered, None before."""
        accepted: dict[TP, int] = self.faust.consumer.accepted  # type: ignore[attr-defined]  # Batching's
        return accepted.get(TP(topic, partition))

    def partitions(self, name: str) -> int:  # noqa: ARG002  all topics have the same count so far
        """Give the partition count of a topic."""
        return self.settings.partitions

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
        """Open log and resources through ``enter``, which closes them at the stop, and make missing topics."""
        self.log = await enter(self.process.log.use())
        await self.log.ensure(self.specs())
        await asyncio.to_thread(forget_former, self.directory.parent, self.generation)
        for _, table in self._tables.values():
            table.attach(self.log, self.directory / "tables", self.process.memory, self.process.log_id)
        for resource in self._resources:
            await enter(resource.opened())

    async def open_partitions(self, claimed: dict[int, int]) -> None:
        """Recover the tables of newly claimed partition numbers; takes their epochs."""
        for number, epoch in sorted(claimed.items()):
            for _, table in self._tables.values():
                await table.open(number, epoch)
            self.claims[number] = Claim(number, epoch)

    def close_partitions(self, numbers: Iterable[int]) -> None:
        """Let go of partition numbers: whatever still works on them finds its claim gone."""
        for number in list(numbers):
            self.claims.pop(number, None)
            self.waiting = {tp: error for tp, error in self.waiting.items() if tp.partition != number}
            for _, table in self._tables.values():
                table.close(number)

    def specs(self) -> list[TopicSpec]:
        """Give the topics that must be there: all that events go through, and the changelogs of this role's tables."""
        kept = (*topics.SOURCES, topics.PROCESSED, topics.DELTAS, topics.DEAD_LETTERS)
        count = self.settings.partitions
        compacted = {self._qualified(topics.RATES)} | {table.changelog for _, table in self._tables.values()}
        return [
            *(TopicSpec(self._qualified(name), count) for name in kept),
            *(TopicSpec(name, count, "compact") for name in sorted(compacted)),
        ]

    def _qualified(self, name: str) -> str:
        return topics.qualified(self.generation, name)

    # -- the order of one batch -------------------------------------------------------------------------------------

    async def _work(self, handle: Handle, batch: Batch) -> bool:
        """Handle one batch until it is done; False where its partition went away meanwhile."""
        claim = self.claims.get(batch.partition)
        if claim is None:
            return False
        await self._refuse_hole(batch, claim)
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

    async def _refuse_hole(self, batch: Batch, claim: Claim) -> None:
        """End the process where a batch was lost on its way here: the agent must see all of a claim, in order."""
        known = self._next.get(TP(batch.topic, batch.partition))
        if known is not None and known[0] is claim and batch.first - batch.lost > known[1]:
            await self.fatal(LookupError(f"{batch.topic}/{batch.partition}: {known[1]}..{batch.first} never came here"))
