"""What all tests share: a real PostgreSQL, and a fresh, migrated database of it for each test that asks.

The server is the one of FAULTLINE_TEST_DATABASE where set, else an embedded one that lives as long as the run.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from app.stores.migrate import migrate


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a server on which databases may be created."""
    given = os.environ.get("FAULTLINE_TEST_DATABASE")
    if given:
        yield given
        return
    from app.embedded import EmbeddedPostgres  # noqa: PLC0415  only where none was given

    server = EmbeddedPostgres(Path(tmp_path_factory.mktemp("postgres")))
    url = server.start()
    yield url
    server.stop()


@pytest.fixture(scope="session")
def template_database(postgres_server: str) -> Iterator[str]:
    """Migrate one database, from which the others are copied."""
    name = f"template_{secrets.token_hex(4)}"

    async def make() -> None:
        await _admin(postgres_server, f"create database {name}")
        connection = await asyncpg.connect(_named(postgres_server, name))
        await migrate(connection)
        await connection.close()

    asyncio.run(make())
    yield name
    asyncio.run(_admin(postgres_server, f"drop database {name} with (force)"))


@pytest.fixture
async def database(postgres_server: str, template_database: str) -> AsyncIterator[str]:
    """Give the URL of a fresh, migrated database."""
    name = f"test_{secrets.token_hex(6)}"
    await _admin(postgres_server, f"create database {name} template {template_database}")
    yield _named(postgres_server, name)
    await _admin(postgres_server, f"drop database {name} with (force)")


@pytest.fixture
def kafka_url(request: pytest.FixtureRequest) -> str:
    """Give the setting FAULTLINE_LOG of a log of the test's own, in the Kafka of FAULTLINE_TEST_KAFKA where set."""
    servers = os.environ.get("FAULTLINE_TEST_KAFKA") or request.getfixturevalue("kafka")
    return f"kafka://{servers}/test-{secrets.token_hex(6)}"


def _named(url: str, name: str) -> str:
    base, _, query = url.partition("?")
    return base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")


async def _admin(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
