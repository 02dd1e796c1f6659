"""Fixtures of all tests: a real PostgreSQL, and a fresh, migrated database of it for each test that uses one.

The server is the one of FAULTLINE_TEST_DATABASE where set, else an embedded one that lives as long as the run. Kafka,
Elasticsearch and S3 are those of FAULTLINE_TEST_KAFKA, _ELASTICSEARCH and _S3 where set, else started for the first
test that uses them; where one cannot be had, its tests are skipped with the reason (with CI=true they fail).
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import asyncpg
import pytest

from app.stores.admin.migrate import migrate
from tests import servers
from tests.missing import missing


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of a server on which databases may be created."""
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

    _run(make())
    yield name
    _run(_admin(postgres_server, f"drop database {name} with (force)"))


@pytest.fixture(scope="session")
def new_database(postgres_server: str, template_database: str) -> Callable[[], AbstractContextManager[str]]:
    """Return a context manager that makes a fresh, migrated database, dropped with its block."""

    @contextmanager
    def make() -> Iterator[str]:
        name = f"test_{secrets.token_hex(6)}"
        _run(_admin(postgres_server, f"create database {name} template {template_database}"))
        yield _named(postgres_server, name)
        _run(_admin(postgres_server, f"drop database {name} with (force)"))

    return make


@pytest.fixture
async def database(postgres_server: str, template_database: str) -> AsyncIterator[str]:
    """Yield the URL of a fresh, migrated database."""
    name = f"test_{secrets.token_hex(6)}"
    await _admin(postgres_server, f"create database {name} template {template_database}")
    yield _named(postgres_server, name)
    await _admin(postgres_server, f"drop database {name} with (force)")


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Yield ``host:port`` of a Kafka."""
    with _given_or("KAFKA", servers.kafka) as address:
        yield address


@pytest.fixture(scope="session")
def elasticsearch() -> Iterator[str]:
    """Yield the URL of an Elasticsearch."""
    with _given_or("ELASTICSEARCH", servers.elasticsearch) as address:
        yield address


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Yield FAULTLINE_FILES of a bucket without a prefix; the environment has the credentials meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        if "FAULTLINE_TEST_S3" not in os.environ:
            for name, value in servers.S3_CREDENTIALS.items():
                patch.setenv(name, value)
        with _given_or("S3", servers.s3) as address:
            yield address


@pytest.fixture
def kafka_url(kafka: str) -> str:
    """Return the setting FAULTLINE_LOG of a log of the test's own."""
    return f"kafka://{kafka}/test-{secrets.token_hex(6)}"


@pytest.fixture
def s3_url(s3: str) -> str:
    """Return the setting FAULTLINE_FILES of a place of the test's own."""
    bucket, _, options = s3.partition("?")
    return f"{bucket}/test-{secrets.token_hex(6)}?{options}"


@contextmanager
def _given_or(name: str, start: Callable[[], AbstractContextManager[servers.Server]]) -> Iterator[str]:
    given = os.environ.get(f"FAULTLINE_TEST_{name}")
    with ExitStack() as stack:
        try:
            address = given or stack.enter_context(start()).address
        except servers.Unavailable as error:
            missing(f"no {name.capitalize()}: {error}")
        yield address


def _named(url: str, name: str) -> str:
    base, _, query = url.partition("?")
    return base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")


def _run(work: Coroutine[None, None, None]) -> None:
    """Run it in a thread: the main one may be inside a loop, which Playwright's synchronous calls keep running."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


async def _admin(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
