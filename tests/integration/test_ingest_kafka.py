"""Ingest over the log in Kafka: it accepts events while PostgreSQL is away, and refuses them while Kafka is."""

from urllib.parse import urlsplit

import aiohttp
import asyncpg
import pytest

from app.log.contract import TopicSpec
from app.log.kafka.log import KafkaLog
from app.settings import Settings
from app.stores.admin.projects import Project, Projects
from app.topics import SOURCES, qualified
from tests.integration.ingest_site import serving

PARTITIONS = 2
SETTINGS = Settings(partitions=PARTITIONS)
BODY = b'{"occurredOn":"2026-11-24T06:55:10Z","details":{}}'


async def post(client: aiohttp.ClientSession, url: str, project: Project, body: bytes = BODY) -> int:
    async with client.post(f"{url}/entries", data=body, headers={"X-ApiKey": project.raygun_key}) as reply:
        return reply.status


async def appended(log: KafkaLog) -> int:
    return sum(bounds.end for bounds in (await log.bounds(qualified(1, "crashes"))).values())


async def test_events_are_accepted_while_postgresql_is_away(database: str, kafka_url: str) -> None:
    address = urlsplit(database)
    name = address.path[1:]
    async with (
        asyncpg.create_pool(database, min_size=0, max_size=2, timeout=5) as pool,
        KafkaLog(kafka_url) as log,
        aiohttp.ClientSession() as client,
    ):
        await log.ensure([TopicSpec(qualified(1, topic), PARTITIONS) for topic in SOURCES])
        project = await Projects(pool).create("shop")
        async with serving(log, Projects(pool), SETTINGS) as url:
            assert await post(client, url, project) == 202
            server = await asyncpg.connect(address._replace(path="/postgres").geturl())
            await server.execute(f"alter database {name} allow_connections false")
            await server.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1", name
            )
            assert [await post(client, url, project, BODY + b" " * n) for n in range(20)] == [202] * 20
            await server.execute(f"alter database {name} allow_connections true")
            await server.close()
        assert await appended(log) == 21


async def test_events_are_refused_while_kafka_is_away(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.log.kafka.topics.RETRY_SECONDS", 0.5)
    async with (
        asyncpg.create_pool(database, min_size=0, max_size=2) as pool,
        KafkaLog("kafka://127.0.0.1:1") as log,
        aiohttp.ClientSession() as client,
    ):
        project = await Projects(pool).create("shop")
        async with serving(log, Projects(pool), SETTINGS) as url:
            assert await post(client, url, project) == 503
