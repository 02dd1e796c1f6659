"""Real servers of a test's own, to be stopped and started while events are in flight."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import asyncpg

from app.embedded import EmbeddedPostgres
from app.stores.admin.migrate import migrate
from tests import servers
from tests.missing import missing


class Stoppable(Protocol):
    """A server; both calls block."""

    def stop(self) -> None:
        """Shut it down in order."""
        ...

    def start(self) -> object:
        """Start it again on the same data, at the same address."""
        ...


class Servers:
    """The running servers, and the settings of installations on them.

    ``folder`` has a short path: that of PostgreSQL's socket must stay the same and cannot be long.
    """

    def __init__(self, folder: Path) -> None:
        self.running: dict[str, Stoppable] = {}
        self._postgres = EmbeddedPostgres(folder / "pg")
        self._addresses: dict[str, str] = {}
        self._folder = folder
        self._stack = ExitStack()

    def start(self) -> None:
        """Start PostgreSQL, Kafka, Elasticsearch and S3. Raises servers.Unavailable."""
        self._stack.callback(self._postgres.stop)
        self._addresses["postgres"] = self._postgres.start()
        self.running["postgres"] = self._postgres
        for name, kind in (("kafka", servers.kafka), ("elasticsearch", servers.elasticsearch), ("s3", servers.s3)):
            server = self._stack.enter_context(kind())
            self.running[name], self._addresses[name] = server, server.address

    def stop(self) -> None:
        """Stop all."""
        self._stack.close()

    async def settings(self, *, all_kinds: bool) -> dict[str, str]:
        """Return the stores of one more installation: a database, and parts of the servers, of its own."""
        name = f"i{secrets.token_hex(4)}"
        settings = {
            "FAULTLINE_DATABASE": await self._database(name),
            "FAULTLINE_FILES": f"file://{self._folder / name}",
            "FAULTLINE_LOG": "database:",
            "FAULTLINE_SEARCH": "database:",
        }
        return {**settings, **self._servers(name)} if all_kinds else settings

    def _servers(self, name: str) -> Mapping[str, str]:
        bucket, _, options = self._addresses["s3"].partition("?")
        return {
            "FAULTLINE_LOG": f"kafka://{self._addresses['kafka']}/{name}",
            "FAULTLINE_SEARCH": f"{self._addresses['elasticsearch']}?index={name}",
            "FAULTLINE_FILES": f"{bucket}/{name}?{options}",
            "FAULTLINE_KAFKA_SESSION": "6",
            **servers.S3_CREDENTIALS,
        }

    async def _database(self, name: str) -> str:
        first = self._addresses["postgres"]
        connection = await asyncpg.connect(first)
        await connection.execute(f"create database {name}")
        await connection.close()
        parts = urlsplit(first)
        made = parts._replace(path=f"/{name}").geturl()
        connection = await asyncpg.connect(made)
        await migrate(connection)
        await connection.close()
        return made


@contextmanager
def running() -> Iterator[Servers]:
    """Run servers for the block; skip the test where one cannot be had (with CI=true it fails)."""
    folder = Path(tempfile.mkdtemp(prefix="fl-"))
    made = Servers(folder)
    try:
        try:
            made.start()
        except servers.Unavailable as error:
            missing(str(error))
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)
