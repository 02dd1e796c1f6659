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
"""What processes need in their environment beside Faultline's settings."""


class Stores:
    """Running servers, shared by installations that each have a name, and so a place of their own in each server.

    Raw reports of the folder kind are kept below ``folder``. ``url`` is PostgreSQL's database for administration.
    """

    def __init__(self, folder: Path, postgres: EmbeddedPostgres, url: str) -> None:
        self.url = url
        self.missing = ""
        """Why Kafka, Elasticsearch and S3 are not all there; '' where they are."""
        self._folder = folder
        self._postgres = postgres
        self._servers: dict[str, servers.Server] = {}

    def start(self, stack: ExitStack) -> None:
        """Start Kafka, Elasticsearch and S3; note in ``missing`` why one cannot be had."""
        try:
            for name, start in KINDS.items():
                self._servers[name] = stack.enter_context(start())
        except servers.Unavailable as error:
            self.missing = str(error)

    def settings(self, name: str, *, on_servers: bool) -> dict[str, str]:
        """Return the settings, by name without prefix, of the installation ``name``."""
        settings = {
            "DATABASE": site.named(self.url, name),
            "FILES": f"file://{self._folder / name / 'files'}",
            "PARTITIONS": str(site.PARTITIONS),
        }
        return {**settings, **self._places(name)} if on_servers else settings

    def seconds(self, *, on_servers: bool) -> dict[str, float]:
        """Return by server of a set its seconds of CPU so far."""
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
    """Run PostgreSQL and, where they can be had, the other servers for the block."""
    with ExitStack() as stack:
        postgres = EmbeddedPostgres(folder / "postgres")
        stack.callback(postgres.stop)
        stores = Stores(folder, postgres, postgres.start())
        stores.start(stack)
        yield stores
