"""A store is away for a minute under heavy reports: memory stays bounded, no partition moves, nothing is lost."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from tests.faults.heavy import Heavy
from tests.faults.truth_servers import running
from tests.faults.truth_steps import Steps
from tests.support.cluster import Cluster
from tests.support.truth_run import complete

DOWN_SECONDS = float(os.environ.get("FAULTLINE_SINK_SECONDS", "60"))
WARM = 20
"""Portions before anything is stopped: processes have allocated their buffers for heavy reports by then."""

SINKS = (("postgres", "rates"), ("elasticsearch", "search"), ("s3", "archive"))


@pytest.fixture
async def steps(tmp_path: Path) -> AsyncIterator[tuple[Cluster, Steps]]:
    """Run servers that only this test uses, and a cluster on them."""
    with running() as servers:
        settings = await servers.settings(all_kinds=True)
        cluster = Cluster(tmp_path, settings)
        try:
            await asyncio.to_thread(cluster.start)
            yield cluster, Steps(cluster, servers, settings)
        finally:
            await asyncio.to_thread(cluster.stop)


@pytest.mark.faults
@pytest.mark.timeout(1800)
async def test_each_sink_may_be_down_for_a_minute(steps: tuple[Cluster, Steps]) -> None:
    cluster, step = steps
    heavy = Heavy(cluster)
    for _ in range(WARM):
        await heavy.portion()
    await complete(cluster, time.time())
    for server, role in SINKS:
        before = len(heavy.sent)
        await heavy.during(partial(step.sink_down, server, role, DOWN_SECONDS))
        assert len(heavy.sent) > before
    await complete(cluster, time.time())
    await step.written()
    print(await heavy.check(), "heavy reports; ended by themselves:", cluster.ends())  # noqa: T201  what was compared
