"""Helpers of the source agents' tests: a role over the real log that can die at each append, and its readers."""

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any, Self, cast

import asyncpg
import zstandard

from agents.source import SourceAgent
from app import topics
from app.log.batch import Batch, Claim
from app.log.contract import Log, LogUnavailable, NewRecord, Record, TopicSpec
from app.log.postgres.log import PostgresLog
from app.postgres import make_pool
from app.records import Delta, Processed, Stored, decode_delta, decode_processed, decode_stored
from app.settings import Settings
from app.state.rocksdb import Memory
from app.state.table import DurableTable
from app.stores.admin.projects import Projects
from app.stream.resources import Resource
from app.stream.role import RoleApp
from tables.spec import TableSpec
from tests.support.batches import Row

PARTITIONS = 4
MEMORY = Memory(16)


class Killed(Exception):
    """The process ended here."""


class Mortal:
    """The real log, until the append after which (or before which) the process is killed.

    Where it is not ``atomic`` agents append as they do on Kafka: what they publish first, then the changelog.
    """

    def __init__(self, log: PostgresLog) -> None:
        self._log = log
        self.atomic = True
        self.kill_in: int | None = None
        self.before = False
        self.away = False
        self.appends = 0

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        if self.away:
            raise LogUnavailable
        self.appends += 1
        now = self.kill_in is not None and self.appends >= self.kill_in
        if now and self.before:
            raise Killed
        offsets = await self._log.append(records)
        if now:
            raise Killed
        return offsets

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever the log has
        """Return what else the log has."""
        return getattr(self._log, name)


class Role:
    """Stands for ``RoleApp`` where no Faust is needed: the same calls, over the same log and tables."""

    def __init__(self, log: PostgresLog, database: str, folder: Path, limit: int = 1000) -> None:
        self.log = Mortal(log)
        self.folder = folder
        self.settings = Settings(database=database, partitions=PARTITIONS, dead_letter_limit=limit)
        self.generation = 1
        self.tables: list[DurableTable] = []
        self.resources: list[Resource[Any]] = []
        self.committed: dict[tuple[str, int], int] = {}

    def durable_table(self, spec: TableSpec) -> DurableTable:
        table = DurableTable(spec.name, f"1.{spec.source}-{spec.name}-changelog", localise=spec.localise)
        table.attach(cast("Log", self.log), self.folder, MEMORY, "log")
        self.tables.append(table)
        return table

    def resource(self, name: str, opener: Callable[[], AbstractAsyncContextManager[Any]]) -> Resource[Any]:
        self.resources.append(Resource(opener, name))
        return self.resources[-1]

    async def produce(self, records: Sequence[NewRecord]) -> None:
        await self.log.append(records)

    def pool(self) -> AbstractAsyncContextManager["asyncpg.Pool[asyncpg.Record]"]:
        return make_pool(self.settings.database_url, max_size=1)

    def accepted(self, topic: str, partition: int) -> int | None:
        return self.committed.get((topic, partition))

    def partitions(self, _: str) -> int:
        return PARTITIONS


MakeRole = Callable[[], Role]
"""Starts a process of the role."""


class Owner:
    """One life of a role that owns partition 0 of its source."""

    def __init__(self, kind: Callable[[RoleApp], SourceAgent], role: Role, epoch: int) -> None:
        self.role = role
        self.claim = Claim(0, epoch)
        self.agent = kind(cast("RoleApp", role))
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open resources and tables."""
        for resource in self.role.resources:
            await self._stack.enter_async_context(resource.opened())
        for table in self.role.tables:
            await table.open(0, self.claim.epoch)
            self._stack.callback(table.close, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close them, as the end of a process does."""
        await self._stack.aclose()

    async def handle(self, records: Sequence[Record], lost: int = 0) -> None:
        await self.agent.handle(batch_of(records, lost), self.claim)

    def commit(self, records: Sequence[Record]) -> None:
        self.role.committed[records[-1].topic, 0] = records[-1].offset


def batch_of(records: Sequence[Record], lost: int = 0) -> Batch:
    return Batch(topic=records[0].topic, partition=0, records=list(records), lost=lost)


def specs() -> list[TopicSpec]:
    """Return the topics that the agents write."""
    kept = (topics.PROCESSED, topics.DELTAS, topics.DEAD_LETTERS)
    changelogs = ("1.crashes-seen-changelog", "1.sessions-sessions-changelog", "1.timings-seen-changelog")
    return [
        *(TopicSpec(topics.qualified(1, name), PARTITIONS) for name in kept),
        *(TopicSpec(name, PARTITIONS, "compact") for name in changelogs),
    ]


def lose(folder: Path) -> None:
    """Delete the local copies, as on another machine."""
    shutil.rmtree(folder, ignore_errors=True)


async def read_all(log: Log, name: str) -> list[Record]:
    """Read a whole topic of generation 1, partition by partition."""
    topic = topics.qualified(1, name)
    records: list[Record] = []
    for partition, bounds in sorted((await log.bounds(topic)).items()):
        offset = bounds.start
        while page := await log.read(topic, partition, offset, max_records=200):
            records += page
            offset = page[-1].offset + 1
    return records


async def deltas(log: Log) -> list[tuple[int, Delta]]:
    """Return the deltas in the log with the partition of each."""
    return [(record.partition, decode_delta(record.value or b"")) for record in await read_all(log, topics.DELTAS)]


async def counted(log: Log) -> dict[Row, Counter[str]]:
    """Apply the deltas in the log as the rates agent does: each offset once; an offset gap fails."""
    progress: dict[tuple[int, str, int], int] = {}
    sums: dict[Row, Counter[str]] = {}
    for home, delta in await deltas(log):
        source = (home, delta.topic, delta.partition)
        done = progress.get(source, delta.first - 1)
        assert delta.first <= done + 1, "a hole in the spans"
        _add(sums, delta, done)
        progress[source] = max(done, delta.last)
    told = {(topic, partition, b) for (_, topic, partition), b in progress.items()}
    assert len(told) * PARTITIONS == len(progress), "every partition of deltas is told every span"
    return sums


def _add(sums: dict[Row, Counter[str]], delta: Delta, done: int) -> None:
    for cell, windows in delta.cells.items():
        for size, start, indices in windows:
            entries = [delta.entries[index] for index in indices if delta.entries[index].offset > done]
            if entries:
                row = sums.setdefault((cell, size, start), Counter())
                for entry in entries:
                    row.update(entry.counts)
                    row.update(f"{name}:{user}" for name, user in entry.users.items())


async def stored(log: Log) -> list[Stored]:
    """Return each report of ``processed`` once, as the archive does."""
    reports: list[Stored] = []
    done = -1
    for record in await read_all(log, topics.PROCESSED):
        processed: Processed = decode_processed(record.value or b"")
        assert processed.first <= done + 1, "a gap in the spans"
        for block in processed.blocks:
            reports += [report for report in decode_stored(zstandard.decompress(block.data)) if report.offset > done]
        done = max(done, processed.last)
    return reports


async def live(owner: Owner, records: Sequence[Record], chance: random.Random) -> int:
    """Handle records in batches until all are done or the owner is killed; return how many were committed."""
    committed = position = 0
    try:
        while position < len(records):
            batch = records[position : position + chance.randrange(1, 8)]
            await owner.handle(batch)
            position += len(batch)
            if chance.random() < 0.7 or position == len(records):
                owner.commit(batch)
                committed = position
    except Killed:
        return committed
    return committed


async def survive(
    kind: Callable[[RoleApp], SourceAgent], role: Callable[[], Role], records: Sequence[Record], chance: random.Random
) -> None:
    """Handle records in as many lives as it takes, each killed at some append, local copies kept or lost."""
    done = lives = 0
    while done < len(records):
        lives += 1
        one = role()
        one.log.kill_in, one.log.before = chance.randrange(1, 9), chance.random() < 0.5
        one.log.atomic = chance.random() < 0.5
        if chance.random() < 0.3:
            lose(one.folder)
        async with Owner(kind, one, lives) as owner:
            done += await live(owner, records[done:], chance)


def sums_of(given: Iterable[Delta]) -> dict[Row, Counter[str]]:
    """Sum deltas that are applied once, whole."""
    sums: dict[Row, Counter[str]] = {}
    for delta in given:
        _add(sums, delta, -1)
    return sums


async def new_project(database: str) -> dict[int, bytes]:
    """Create project 1 and return its secret."""
    async with asyncpg.create_pool(database, min_size=0, max_size=1) as pool:
        projects = Projects(pool)
        project = await projects.create("shop")
        return {project.id: await projects.user_secret(project.id)}
