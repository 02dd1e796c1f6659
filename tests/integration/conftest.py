"""What the tests of API and pages share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.web_site import Site, running_site


@pytest.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    """Run the server over an empty database."""
    async with running_site(database, tmp_path) as running:
        yield running
