"""The real server over a real database, with the agents stepped by hand, for tests of API and pages."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import aiohttp
import asyncpg
import msgspec

from agents.crashes import Crashes
from agents.rates import Rates
from agents.sessions import Sessions
from agents.source import SourceAgent
from agents.timings import TimingsAgent
from app.log.batch import Batch, Claim
from app.log.contract import Log, Record, TopicSpec
from app.log.postgres.commits import commit_offsets
from app.log.postgres.log import PostgresLog
from app.model import Address
from app.records import decode_processed
from app.runtime.kinship import Stage
from app.runtime.server import PARTS, running
from app.settings import Settings
from app.state.table import DurableTable
from app.stores.admin import access
from app.stores.admin.projects import Project, Projects
from app.stores.aggregates.store import Aggregates
from app.stores.search.contract import Document
from app.stores.search.postgres import PostgresSearch
from app.topics import CRASHES, DEAD_LETTERS, DELTAS, PROCESSED, RATES, SESSIONS, SOURCES, TIMINGS, Source, qualified
from tables.windows import newest
from tests.support.source_parts import MEMORY, Role

ONE = Claim(0, 1)
READS = (
    ("crashes", CRASHES), ("sessions", SESSIONS), ("timings", TIMINGS), ("rates", DELTAS), ("search", PROCESSED),
)  # fmt: skip


class OneRole(Role):
    """A role whose topics have one partition each."""

    def partitions(self, _: str) -> int:
        return 1


@dataclass
class Pipeline:
    """The agents, search and the comparison of keys, each stepped until it has read everything."""

    log: PostgresLog
    pool: "asyncpg.Pool[asyncpg.Record]"
    agents: dict[str, Any]
    comparison: Stage
    at: dict[str, int] = field(default_factory=dict)

    async def step(self) -> None:
        """Process everything in the log, in the order of the data, then compare new keys."""
        await self.read()
        while await self.comparison.once():
            pass

    async def read(self) -> None:
        """Process everything in the log, in the order of the data."""
        for role, topic in READS:
            while records := await self.log.read(qualified(1, topic), 0, self.at.get(topic + role, 0)):
                await self._handle(role, records)
                self.at[topic + role] = records[-1].offset + 1
                async with self.pool.acquire() as connection:
                    ends = {0: records[-1].offset + 1}
                    await commit_offsets(connection, f"faultline-{role}", records[0].topic, ends)

    async def _handle(self, role: str, records: list[Record]) -> None:
        if role == "search":
            documents = [document for record in records for document in _documents(record)]
            await self.agents[role].index(documents)
        else:
            await self.agents[role].handle(Batch(topic=records[0].topic, partition=0, records=records), ONE)


def _documents(record: Record) -> list[Document]:
    processed = decode_processed(record.value or b"")
    return [
        Document(Address(processed.topic, processed.partition, summary.offset), summary)
        for summary in processed.summaries
    ]


@asynccontextmanager
async def pipeline(database: str, folder: Path) -> AsyncIterator[Pipeline]:
    """Open the agents over a migrated database."""
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(PostgresLog(database))
        pool = await stack.enter_async_context(asyncpg.create_pool(database, min_size=0, max_size=4))
        kept = (*SOURCES, PROCESSED, DELTAS, DEAD_LETTERS)
        states = ("1.crashes-seen-changelog", "1.sessions-sessions-changelog", "1.timings-seen-changelog")
        changelogs = (qualified(1, RATES), *states)
        await log.ensure([TopicSpec(qualified(1, name), 1) for name in kept])
        await log.ensure([TopicSpec(name, 1, "compact") for name in changelogs])
        agents: dict[str, Any] = {"search": PostgresSearch(pool)}
        for name, kind in (("crashes", Crashes), ("sessions", Sessions), ("timings", TimingsAgent)):
            agents[name] = await _source(kind, OneRole(log, database, folder / name), stack)
        agents["rates"] = await _rates(log, pool, folder, stack)
        yield Pipeline(log, pool, agents, Stage(pool))


async def _source(kind: Callable[[Any], SourceAgent], role: OneRole, stack: AsyncExitStack) -> SourceAgent:
    agent = kind(role)
    for resource in role.resources:
        await stack.enter_async_context(resource.opened())
    for table in role.tables:
        await table.open(0, ONE.epoch)
        stack.callback(table.close, 0)
    return agent


async def _rates(log: PostgresLog, pool: "asyncpg.Pool[asyncpg.Record]", folder: Path, stack: AsyncExitStack) -> Rates:
    table = DurableTable("windows", qualified(1, RATES), localise=newest)
    table.attach(cast("Log", log), folder / "rates", MEMORY, "log")
    await table.open(0, ONE.epoch)
    stack.callback(table.close, 0)
    store = Aggregates(pool)
    sources = [Source(qualified(1, name), 0) for name in SOURCES]
    return Rates(table, lambda: store, lambda: log, lambda: sources, 1)


@dataclass
class Site:
    """A running server, a project, and a token with all rights."""

    url: str
    project: Project
    token: str
    pipeline: Pipeline
    http: aiohttp.ClientSession

    async def get(self, path: str, **query: str) -> Any:  # noqa: ANN401  JSON
        """Return a reply of the API; an error fails the test."""
        async with self.http.get(self.url + path, params=query, headers=self.bearer) as answer:
            text = await answer.text()
            assert answer.status == 200, text
            return msgspec.json.decode(text)

    async def count(self, *events: dict[str, Any]) -> list[str]:
        """Send events, count and compare them; return the group of each."""
        for event in events:
            await self.send(event)
        await self.pipeline.step()
        return [(await self.get(f"/api/v1/events/{event['event_id']}"))["group"] for event in events]

    async def post(self, path: str, body: object) -> Any:  # noqa: ANN401  JSON
        """Post to the API; an error fails the test."""
        async with self.http.post(self.url + path, json=body, headers=self.bearer) as answer:
            text = await answer.text()
            assert answer.status in (200, 201), text
            return msgspec.json.decode(text)

    async def refused(
        self,
        method: str,
        path: str,
        body: object = None,
        query: dict[str, str] | None = None,
    ) -> tuple[int, str]:
        """Send a request that must fail, and return its status and error code."""
        async with self.http.request(method, self.url + path, json=body, params=query, headers=self.bearer) as answer:
            error = (await answer.json())["error"]
            assert error["message"]
            return answer.status, error["code"]

    async def send(self, event: dict[str, Any]) -> None:
        """Send one event as a Sentry SDK does."""
        await self.envelope([({"type": "event"}, event)])

    async def envelope(self, items: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        """Send items in one envelope."""
        lines = [b"{}"]
        for header, payload in items:
            data = msgspec.json.encode(payload)
            lines += [msgspec.json.encode({**header, "length": len(data)}), data]
        path = f"/api/{self.project.id}/envelope/?sentry_key={self.project.sentry_key}"
        async with self.http.post(self.url + path, data=b"\n".join(lines)) as answer:
            assert answer.status == 200, await answer.text()

    @property
    def bearer(self) -> dict[str, str]:
        """The header with the token."""
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def api(self) -> str:
        """The start of the project's paths."""
        return f"/api/v1/projects/{self.project.id}"


@asynccontextmanager
async def running_site(database: str, folder: Path, port: int = 0) -> AsyncIterator[Site]:
    """Serve everything on a free port while the block runs."""
    settings = Settings(database=database, data=str(folder), partitions=1, port=port, disk_reserve_mb=0)
    async with AsyncExitStack() as stack:
        steps = await stack.enter_async_context(pipeline(database, folder))
        bound = await stack.enter_async_context(running(settings, PARTS))
        project = await Projects(steps.pool).create("shop")
        token = await access.create_token(steps.pool, "tests")
        http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        yield Site(f"http://127.0.0.1:{bound}", project, token, steps, http)
