"""Elasticsearch that refuses, hangs, forgets to answer or is away: nothing is lost, nothing is there twice."""

import socket
from collections.abc import AsyncIterator

import pytest

from app.stores.errors import StoreUnavailable
from app.stores.search.elastic import Search
from tests.support import elastic_way
from tests.support.documents import ALL, document
from tests.support.elastic_parts import Refreshed, elastic_client, elastic_name
from tests.support.elastic_way import Fault, Way, passing, refusing, refusing_items, way_to


@pytest.fixture
async def way(elasticsearch: str) -> AsyncIterator[Way]:
    async with way_to(elasticsearch) as way:
        yield way


@pytest.fixture
async def search(elasticsearch: str, way: Way, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Search]:
    monkeypatch.setattr("app.stores.search.elastic_client.AGAIN", (0.01, 0.01, 0.01))
    async with elastic_name(elasticsearch) as name, elastic_client(way.url) as client:
        yield Refreshed(client, name)


async def listed(search: Search) -> list[int]:
    return sorted(hit.address.offset for hit in (await search.search(1, "", *ALL, limit=1000)).documents)


async def test_only_what_was_refused_for_now_is_sent_again(search: Search, way: Way) -> None:
    way.faults = [
        refusing_items(429, "es_rejected_execution_exception"),
        refusing_items(503, "unavailable_shards_exception"),
        passing,
    ]
    await search.index([document(at) for at in range(40)])
    assert [len(bulk) for bulk in way.bulks] == [40, 20, 10]
    assert set(way.bulks[0]) > set(way.bulks[1]) > set(way.bulks[2])
    assert await listed(search) == list(range(40))


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_server_is_asked_again(search: Search, way: Way, status: int) -> None:
    way.faults = [refusing(status), refusing(status), passing]
    await search.index([document(at) for at in range(5)])
    assert await listed(search) == list(range(5))
    assert len(way.bulks) == 3


@pytest.mark.parametrize(
    "fault",
    [
        refusing(429),
        refusing(500),
        refusing(502),
        refusing(401),
        refusing(403),
        refusing_items(429, "es_rejected_execution_exception"),
        refusing_items(403, "cluster_block_exception"),
        refusing_items(404, "index_not_found_exception"),
        refusing_items(400, "validation_exception"),
        elastic_way.hanging,
        elastic_way.losing_the_answer,
        elastic_way.shortening_the_answer,
        elastic_way.another_server,
    ],
)
async def test_what_lasts_makes_the_batch_wait_and_nothing_is_lost_or_doubled(
    search: Search, way: Way, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.stores.search.elastic_index.FIRST_BACKOFF", 0.01)
    monkeypatch.setattr(search._client, "_request_timeout", 0.5)
    documents = [document(at) for at in range(9)]
    way.faults = [fault]
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await search.index(documents)
    way.faults = []
    await search.index(documents)
    hits = await search.search(1, "", *ALL)
    assert hits.total == 9
    assert sorted(hits.documents, key=lambda hit: hit.address) == documents


async def test_searches_try_again_and_give_up(search: Search, way: Way) -> None:
    await search.index([document(1)])
    way.on = "_search"
    way.faults = [refusing(503), refusing(429), elastic_way.losing_the_answer, passing]
    assert await listed(search) == [1]
    way.faults = [refusing(503)]
    for call in (search.search(1, "", *ALL), search.event("e" * 32), search.facets(1, ["a" * 32], *ALL)):
        with pytest.raises(StoreUnavailable):
            await call
    way.faults = []
    assert await listed(search) == [1]


async def test_a_search_that_hangs_is_given_up_once(search: Search, way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.stores.search.elastic_client.REQUEST_SECONDS", 0.3)
    await search.index([document(1)])
    way.on, way.faults = "_search", [elastic_way.hanging]
    with pytest.raises(StoreUnavailable, match="in time"):
        await search.search(1, "", *ALL)
    way.faults = []
    assert await listed(search) == [1]


async def test_days_cannot_be_dropped_for_now(search: Search, way: Way) -> None:
    way.on, way.faults = "-*", [refusing(503)]
    with pytest.raises(StoreUnavailable):
        await search.retain(1)


async def test_a_server_that_is_away_and_comes_back(elasticsearch: str) -> None:
    with socket.socket() as taken:  # bound and not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with elastic_client(url) as client:
            search = Search(client, "test-away")
            for call in (search.index([document(1)]), search.search(1, "", *ALL), search.event("e"), search.retain(9)):
                with pytest.raises(StoreUnavailable):
                    await call
    assert elasticsearch
