"""The installations that the system tests share: PostgreSQL alone, and the servers with each role as its own processes.

Each starts once a run, for all tests that use ``installation``; each test makes a project of its own.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.support.cluster import Cluster
from tests.support.installation import Installation
from tests.support.site import Site

PATIENT: Final = {
    "FAULTLINE_READ_TIMEOUT": "4",
    "FAULTLINE_KAFKA_SESSION": "45",  # no worker is killed here, and a busy machine may stall
}
START_SECONDS: Final = 900
"""For the first test: Kafka, Elasticsearch and sixteen Python processes start before it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "installation" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(START_SECONDS))


@pytest.fixture(scope="session", params=["postgres", "servers"])
def installation(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    new_database: Callable[[], AbstractContextManager[str]],
) -> Iterator[Site]:
    """Yield a whole installation; each test runs on both sets of stores."""
    folder = tmp_path_factory.mktemp(request.param)
    with new_database() as database:
        settings = {**PATIENT, "FAULTLINE_DATABASE": database}
        if request.param == "servers":
            settings |= _servers(*map(request.getfixturevalue, ("kafka", "elasticsearch", "s3")))
        with (_cluster if request.param == "servers" else Installation)(folder, settings) as running:
            yield running


@contextmanager
def _cluster(folder: Path, settings: dict[str, str]) -> Iterator[Cluster]:
    with Cluster(folder, settings) as cluster:
        yield cluster
        assert cluster.ends() == {}, cluster.last_words()


def _servers(kafka: str, elasticsearch: str, s3: str) -> dict[str, str]:
    """Return the settings that name the servers, and on each a place of this installation's own."""
    name = f"system-{secrets.token_hex(4)}"
    bucket, _, options = s3.partition("?")
    return {
        "FAULTLINE_LOG": f"kafka://{kafka}/{name}",
        "FAULTLINE_SEARCH": f"{elasticsearch}?index={name}",
        "FAULTLINE_FILES": f"{bucket}/{name}?{options}",
        **{key: os.environ[key] for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if key in os.environ},
    }
