"""Fixtures of the agents' tests: a log with every topic, a project, a role to kill."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.log.postgres.log import PostgresLog
from tests.support import source_parts as parts
from tests.support.source_parts import MakeRole, Role


@pytest.fixture
async def log(database: str) -> AsyncIterator[PostgresLog]:
    async with PostgresLog(database) as opened:
        await opened.ensure(parts.specs())
        yield opened


@pytest.fixture
async def secrets(database: str) -> dict[int, bytes]:
    """Create a project and return the secrets of its user hashes."""
    return await parts.new_project(database)


@pytest.fixture
def role(log: PostgresLog, database: str, tmp_path: Path, secrets: dict[int, bytes]) -> MakeRole:
    """Return a function that starts a process of the role, on the state that the last one left."""
    assert secrets
    return lambda: Role(log, database, tmp_path / "state")
