"""Each implementation of search, without documents, for each test that requests it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.stores.search.postgres import PostgresSearch
from tests.support.elastic_parts import Refreshed, elastic_client, elastic_name


@pytest.fixture
async def postgres_search(database: str) -> AsyncIterator[PostgresSearch]:
    async with asyncpg.create_pool(database, min_size=0, max_size=4) as pool:
        yield PostgresSearch(pool)


@pytest.fixture
async def elastic_search(elasticsearch: str) -> AsyncIterator[Refreshed]:
    """Search with an alias, template and indices of its own on the server that all tests share."""
    async with elastic_name(elasticsearch) as name, elastic_client(elasticsearch) as client:
        yield Refreshed(client, name)
