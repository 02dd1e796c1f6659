"""Ingest on a free port over a real database, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import asyncpg
from aiohttp import web

from app.ingest.routes import add_routes, shorten
from app.log.contract import Log, Record, TopicSpec
from app.log.postgres.log import PostgresLog
from app.model import Address, Facts
from app.records import decode_facts
from app.settings import Settings
from app.stores.admin.projects import Project, Projects
from app.topics import FACTS, SOURCES, qualified
from tests.support.bad_input import Names

PARTITIONS = 4


class Site(NamedTuple):
    """A running ingest: its URL, its log, its projects."""

    url: str
    log: Log
    projects: Projects
    project: Project
    names: Names

    async def records(self) -> dict[Address, tuple[Facts, Record]]:
        """Return all source records by their addresses."""
        records: dict[Address, tuple[Facts, Record]] = {}
        for topic in SOURCES:
            for partition in range(PARTITIONS):
                for record in await _read(self.log, qualified(1, topic), partition):
                    address = Address(record.topic, record.partition, record.offset)
                    records[address] = (decode_facts(record.headers[FACTS]), record)
        return records


async def _read(log: Log, topic: str, partition: int) -> list[Record]:
    records: list[Record] = []
    while batch := await log.read(topic, partition, len(records), max_bytes=64 << 20):
        records += batch
    return records


@asynccontextmanager
async def running_ingest(
    database: str, *, read_timeout: float = 30.0, trusted_proxies: str = "", body_memory_mb: int = 256
) -> AsyncIterator[Site]:
    """Serve ingest over a migrated database as long as the block runs."""
    settings = Settings(
        partitions=PARTITIONS,
        read_timeout=read_timeout,
        trusted_proxies=trusted_proxies,
        body_memory_mb=body_memory_mb,
    )
    async with asyncpg.create_pool(database, min_size=1, max_size=4) as pool, PostgresLog(database) as log:
        await log.ensure([TopicSpec(qualified(1, topic), PARTITIONS) for topic in SOURCES])
        projects = Projects(pool)
        project, names = await _names(projects)
        async with serving(log, projects, settings) as url:
            yield Site(url, log, projects, project, names)


@asynccontextmanager
async def serving(
    log: Log, projects: Projects, settings: Settings, *, direct: bool = True, shutdown_seconds: float = 0.1
) -> AsyncIterator[str]:
    """Serve ingest over a log and projects, as the server does, or by its application alone; yield its URL."""
    application = web.Application()
    add_routes(application, log=log, projects=projects, settings=settings, generation=1)
    runner = web.AppRunner(application, auto_decompress=False, access_log=None, shutdown_timeout=shutdown_seconds)
    await runner.setup()
    if direct:
        shorten(runner)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def _names(projects: Projects) -> tuple[Project, Names]:
    project = await projects.create("shop")
    other = await projects.create("other")
    disabled = project.sentry_key
    await projects.rotate_key(project.id, "sentry")
    renewed = await projects.get(project.id)
    assert renewed is not None
    return renewed, Names(renewed.id, renewed.sentry_key, renewed.raygun_key, other.id, other.sentry_key, disabled)
