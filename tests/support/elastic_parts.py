"""Indices of its own in a real Elasticsearch for each test."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from elasticsearch import AsyncElasticsearch

from app.stores.search.contract import Document
from app.stores.search.elastic import ElasticSearch
from app.stores.search.elastic_client import connected, server_of


class Refreshed(ElasticSearch):
    """Search that finds documents at once after they were written; in production they are found within a second."""

    async def index(self, documents: Sequence[Document]) -> None:
        await super().index(documents)
        await self._client.indices.refresh(index=self._name, ignore_unavailable=True)


@asynccontextmanager
async def elastic_client(url: str) -> AsyncIterator[AsyncElasticsearch]:
    """Open a client of the server."""
    async with connected(server_of(url)) as client:
        yield client


@asynccontextmanager
async def elastic_name(url: str) -> AsyncIterator[str]:
    """Yield a name for an alias and delete its indices and template afterwards."""
    name = f"test-{secrets.token_hex(6)}"
    try:
        yield name
    finally:
        async with elastic_client(url) as client:
            for index in await client.indices.get(index=f"{name}-*", features="aliases"):
                await client.indices.delete(index=index)
            await client.options(ignore_status=404).indices.delete_index_template(name=name)
