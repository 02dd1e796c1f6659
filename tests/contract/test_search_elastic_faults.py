"""Elasticsearch that refuses, hangs, answers in part or is away: no document is lost and none is doubled."""

import socket
from collections.abc import AsyncIterator

import pytest

from app.stores.errors import StoreUnavailable
from app.stores.search.elastic import ElasticSearch
from tests.support import elastic_proxy
from tests.support.documents import ALL, document
from tests.support.elastic_parts import Refreshed, elastic_client, elastic_name
from tests.support.elastic_proxy import ElasticProxy, Fault, elastic_proxy_to, passing, refusing, refusing_items


@pytest.fixture
async def proxy(elasticsearch: str) -> AsyncIterator[ElasticProxy]:
    async with elastic_proxy_to(elasticsearch) as proxy:
        yield proxy


@pytest.fixture
async def search(
    elasticsearch: str, proxy: ElasticProxy, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ElasticSearch]:
    monkeypatch.setattr("app.stores.search.elastic_client.FIRST_WAIT", 0.01)
    async with elastic_name(elasticsearch) as name, elastic_client(proxy.url) as client:
        yield Refreshed(client, name)


async def listed(search: ElasticSearch) -> list[int]:
    return sorted(hit.address.offset for hit in (await search.search(1, "", *ALL, limit=1000)).documents)


async def test_only_the_documents_that_were_refused_are_sent_again(search: ElasticSearch, proxy: ElasticProxy) -> None:
    proxy.faults = [
        refusing_items(429, "es_rejected_execution_exception"),
        refusing_items(503, "unavailable_shards_exception"),
        passing,
    ]
    await search.index([document(at) for at in range(40)])
    assert [len(bulk) for bulk in proxy.bulks] == [40, 20, 10]
    assert set(proxy.bulks[0]) > set(proxy.bulks[1]) > set(proxy.bulks[2])
    assert await listed(search) == list(range(40))


@pytest.mark.parametrize("status", [429, 503])
async def test_a_refused_request_is_sent_again(search: ElasticSearch, proxy: ElasticProxy, status: int) -> None:
    proxy.faults = [refusing(status), refusing(status), passing]
    await search.index([document(at) for at in range(5)])
    assert await listed(search) == list(range(5))
    assert len(proxy.bulks) == 3


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
        elastic_proxy.hanging,
        elastic_proxy.losing_the_answer,
        elastic_proxy.shortening_the_answer,
        elastic_proxy.another_server,
    ],
)
async def test_a_lasting_fault_raises_and_no_document_is_lost_or_doubled(
    search: ElasticSearch, proxy: ElasticProxy, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.stores.search.elastic_index.FIRST_BACKOFF", 0.01)
    documents = [document(at) for at in range(9)]
    proxy.faults = [fault]
    with monkeypatch.context() as patch:
        patch.setattr(search._client, "_request_timeout", 0.5)
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await search.index(documents)
    proxy.faults = []
    await search.index(documents)
    hits = await search.search(1, "", *ALL)
    assert hits.total == 9
    assert sorted(hits.documents, key=lambda hit: hit.address) == documents


async def test_searches_are_retried_and_given_up(search: ElasticSearch, proxy: ElasticProxy) -> None:
    await search.index([document(1)])
    proxy.on = "_search"
    proxy.faults = [refusing(503), refusing(429), elastic_proxy.losing_the_answer, passing]
    assert await listed(search) == [1]
    proxy.faults = [refusing(503)]
    for call in (search.search(1, "", *ALL), search.event("e" * 32), search.facets(1, ["a" * 32], *ALL)):
        with pytest.raises(StoreUnavailable):
            await call
    proxy.faults = []
    assert await listed(search) == [1]


async def test_a_search_that_hangs_is_given_up_without_a_retry(
    search: ElasticSearch, proxy: ElasticProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.stores.search.elastic_client.REQUEST_SECONDS", 0.3)
    await search.index([document(1)])
    proxy.on, proxy.faults = "_search", [elastic_proxy.hanging]
    with pytest.raises(StoreUnavailable, match="in time"):
        await search.search(1, "", *ALL)
    proxy.faults = []
    assert await listed(search) == [1]


async def test_retention_raises_while_the_server_refuses(search: ElasticSearch, proxy: ElasticProxy) -> None:
    proxy.on, proxy.faults = "-*", [refusing(503)]
    with pytest.raises(StoreUnavailable):
        await search.retain(1)


async def test_a_server_that_refuses_connections(elasticsearch: str) -> None:
    with socket.socket() as taken:  # bound and not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with elastic_client(url) as client:
            search = ElasticSearch(client, "test-away")
            for call in (search.index([document(1)]), search.search(1, "", *ALL), search.event("e"), search.retain(9)):
                with pytest.raises(StoreUnavailable):
                    await call
    assert elasticsearch
