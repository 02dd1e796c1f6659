"""Role search as a worker runs it, on Elasticsearch that refuses for a while."""

from pathlib import Path

import msgspec
import pytest

from agents import search
from app.log.contract import NewRecord
from app.model import Address
from app.records import encode_processed
from app.settings import Settings
from app.stores.search.elastic import opened
from tests.agents.archive_parts import has_report
from tests.agents.test_archive_role import PARTITIONS, both, running, summary, until
from tests.support.elastic_parts import elastic_name
from tests.support.elastic_proxy import elastic_proxy_to, refusing


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    return Settings(database=database, data=str(tmp_path), partitions=PARTITIONS, drain_seconds=1.0, rocksdb_mb=16)


def records(a: int, b: int) -> list[NewRecord]:
    items = [item for partition in range(PARTITIONS) for item in both(a, b, partition)]
    return [NewRecord("1.processed", item.partition, None, encode_processed(item), {}, item.received) for item in items]


async def test_events_are_found_once_whatever_the_server_refused(settings: Settings, elasticsearch: str) -> None:
    async with elastic_proxy_to(elasticsearch) as way, elastic_name(elasticsearch) as name:
        settings = msgspec.structs.replace(settings, search=f"{way.url}?index={name}")
        async with running(settings, "search", search.setup) as role, opened(settings.search) as store:
            way.faults = [refusing(429)]
            await role.log.append(records(0, 99))

            async def asked() -> bool:
                return len(way.bulks) > 3

            await until(asked)
            assert not any((await role.log.committed("faultline-search", "1.processed")).values())
            way.faults = []
            await role.log.append(records(90, 119))
            offsets = [
                offset * PARTITIONS + p for offset in range(120) if has_report(offset) for p in range(PARTITIONS)
            ]

            async def indexed() -> bool:
                committed = await role.log.committed("faultline-search", "1.processed")
                return committed == dict.fromkeys(range(PARTITIONS), 4)

            await until(indexed)

            async def visible() -> bool:
                return (await store.search(7, "payment", 0, 2**60)).total == len(offsets)

            await until(visible)
            hits = await store.search(7, "payment", 0, 2**60, limit=1000)
            assert sorted(hit.address.offset for hit in hits.documents) == sorted(offsets)
            one = await store.search(7, "word7", 0, 2**60)
            assert [(hit.address, hit.summary) for hit in one.documents] == [(Address("1.crashes", 1, 7), summary(7))]
