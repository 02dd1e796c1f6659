"""The roles archive and search as a worker runs them: Faust, the real log, a real folder and S3, a real PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import msgspec
import pytest

from agents import archive, search
from app.files.catalogue import rebuild
from app.files.read import ObjectArchive
from app.log.contract import Log, NewRecord
from app.model import Address
from app.records import EventSummary, Processed, encode_processed
from app.settings import Settings
from app.stores.objects.open import open_objects
from app.stores.search.postgres import PostgresSearch
from app.stream.role import Process, RoleApp
from tests.agents.archive_parts import flatten, has_report, processed, reports, stored

PARTITIONS = 2
TOPICS = ("1.crashes", "1.sessions")
NOW = time.time_ns() // 1_000_000
"""Now, in ms: search drops events that are older than its days."""


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    return Settings(database=database, data=str(tmp_path), partitions=PARTITIONS, drain_seconds=1.0, rocksdb_mb=16)


@pytest.fixture(params=["folder", "s3"])
def archive_settings(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    files = request.getfixturevalue("s3_url") if request.param == "s3" else ""
    return msgspec.structs.replace(settings, files=files)


@asynccontextmanager
async def running(settings: Settings, name: str, setup: Callable[[RoleApp], None]) -> AsyncIterator[RoleApp]:
    """Run one role as a worker does."""
    role = RoleApp(name, Process(settings, 1, "log"))
    setup(role)
    role.faust.finalize()
    role.faust.in_worker = True
    await role.faust.start()
    try:
        yield role
    finally:
        await role.faust.stop()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.02)


async def send(log: Log, items: list[Processed]) -> None:
    await log.append(
        [NewRecord("1.processed", item.partition, None, encode_processed(item), {}, item.received) for item in items]
    )


def summary(offset: int, received: int = NOW) -> EventSummary:
    return EventSummary(
        offset=offset, event_id=f"{offset:032x}", project=7, received=received, time=received + offset, group="a" * 32,
        title="title", culprit="culprit", level="error", platform="python", release="shop@1", environment="prod",
        user="u", unhandled=True, server="s", url="", sdk="sdk", tags={}, text=f"word{offset} shop.PaymentService",
    )  # fmt: skip


def both(first: int, last: int, partition: int) -> list[Processed]:
    """Return a batch of crashes with summaries and one of sessions, of the same offsets."""
    events = [summary(offset * PARTITIONS + partition) for offset in range(first, last + 1) if has_report(offset)]
    crashes = processed(first, last, topic="1.crashes", partition=partition)
    sessions = processed(first, last, topic="1.sessions", partition=partition)
    return [msgspec.structs.replace(crashes, summaries=events), sessions]


async def test_reports_are_archived_before_they_are_committed(archive_settings: Settings) -> None:
    settings = archive_settings
    async with (
        open_objects(settings.files_url) as blobs,
        asyncpg.create_pool(settings.database_url, min_size=0, max_size=2) as pool,
    ):
        reader = ObjectArchive(blobs, pool, 1 << 20)
        async with running(settings, "archive", archive.setup) as role:
            for at in range(0, 60, 6):
                await send(role.log, [item for p in range(PARTITIONS) for item in both(at, at + 5, p)])

            async def committed() -> bool:
                return await role.log.committed("faultline-archive", "1.processed") == dict.fromkeys(
                    range(PARTITIONS), 20
                )

            await until(committed)
            assert await reader.read(Address("1.sessions", 1, 59)) == stored(59)
        async with running(settings, "archive", archive.setup) as role:
            late = processed(55, 63, partition=0, per_block=2)
            await send(role.log, [late])

            async def archived() -> bool:
                return await reader.read(Address("1.crashes", 0, 63)) is not None

            await until(archived)
        for topic in TOPICS:
            for partition in range(PARTITIONS):
                last = 63 if (topic, partition) == ("1.crashes", 0) else 59
                assert await flatten(reader.stream(topic, partition, 0, 1000)) == reports(0, last)
        names = [name async for name in blobs.list("")]
        rows = await pool.fetch("select name from objects order by name")
        assert [row["name"] for row in rows] == names
        assert await rebuild(blobs, pool) == len(names)


async def test_events_are_found_once(settings: Settings) -> None:
    async with asyncpg.create_pool(settings.database_url, min_size=0, max_size=2) as pool:
        store = PostgresSearch(pool)
        async with running(settings, "search", search.setup) as role:
            await send(role.log, [item for p in range(PARTITIONS) for item in both(0, 99, p)])
            await send(role.log, [item for p in range(PARTITIONS) for item in both(90, 119, p)])
            expected = [
                offset * PARTITIONS + p for offset in range(120) if has_report(offset) for p in range(PARTITIONS)
            ]

            async def indexed() -> bool:
                committed = await role.log.committed("faultline-search", "1.processed")
                return committed == dict.fromkeys(range(PARTITIONS), 4)

            await until(indexed)
        hits = await store.search(7, "payment", 0, 2**60, limit=1000)
        assert hits.total == len(expected)
        assert sorted(hit.address.offset for hit in hits.documents) == sorted(expected)
        assert {hit.address.topic for hit in hits.documents} == {"1.crashes"}
        one = await store.search(7, "word7", 0, 2**60)
        assert [hit.address for hit in one.documents] == [Address("1.crashes", 1, 7)]
        assert one.documents[0].summary == summary(7)
