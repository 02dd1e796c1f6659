"""Both sets of stores of a whole installation: PostgreSQL alone, and Kafka, Elasticsearch and S3 beside it."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from app.embedded import EmbeddedPostgres
from tests import servers
from tests.bench import cpu, site

KINDS: Final = {"Kafka": servers.kafka, "Elasticsearch": servers.elasticsearch, "S3": servers.s3}
ENVIRONMENT: Final = servers.S3_CREDENTIALS
"""What clients of these need beside Faultline's settings."""


class Stores:
    """Servers that run, and what places of their own in them are called."""

    def __init__(self, folder: Path, postgres: EmbeddedPostgres, url: str) -> None:
        """Take a folder for files, and PostgreSQL with the address of its database for administration."""
        self.url = url
        self.missing = ""
        self._folder = folder
        self._postgres = postgres
        self._servers: dict[str, servers.Server] = {}

    def start(self, stack: ExitStack) -> None:
        """Start the servers; ``missing`` says why some could not be had."""
        try:
            for name, start in KINDS.items():
                self._servers[name] = stack.enter_context(start())
        except servers.Unavailable as error:
            self.missing = str(error)

    def settings(self, name: str, *, on_servers: bool) -> dict[str, str]:
        """Give the settings, by name without prefix, of one more installation; its database is ``name``."""
        settings = {
            "DATABASE": site.named(self.url, name),
            "FILES": f"file://{self._folder / name / 'files'}",
            "PARTITIONS": str(site.PARTITIONS),
        }
        return {**settings, **self._places(name)} if on_servers else settings

    def seconds(self, *, on_servers: bool) -> dict[str, float]:
        """Give the seconds of CPU that each server of a set took so far."""
        pids = {"PostgreSQL": self._postgres.pid}
        if on_servers:
            pids |= {name: server.pid for name, server in self._servers.items()}
        return {name: cpu.tree_seconds(pid) for name, pid in pids.items() if pid is not None}

    def _places(self, name: str) -> Mapping[str, str]:
        at = {kind: server.address for kind, server in self._servers.items()}
        bucket, _, options = at["S3"].partition("?")
        return {
            "LOG": f"kafka://{at['Kafka']}/{name}",
            "SEARCH": f"{at['Elasticsearch']}?index={name}",
            "FILES": f"{bucket}/{name}?{options}",
        }


@contextmanager
def opened(folder: Path) -> Iterator[Stores]:
    """Run all servers for the block."""
    with ExitStack() as stack:
        postgres = EmbeddedPostgres(folder / "postgres")
        stack.callback(postgres.stop)
        stores = Stores(folder, postgres, postgres.start())
        stores.start(stack)
        yield stores
