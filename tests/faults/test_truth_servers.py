"""Events of known truth through roles of two processes each, on both sets of stores, while these and their stores fail.

Every figure must be exact; and both sets of stores must give the same windows for the same events.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.truth_servers import Servers, running
from tests.faults.truth_steps import Steps, Traffic
from tests.support.cluster import Cluster
from tests.support.installation import Installation
from tests.support.truth import in_order, make
from tests.support.truth_run import Checker, complete, send

EVENTS = int(os.environ.get("FAULTLINE_TRUTH_EVENTS", "2000"))
"""20000 for the long run."""

LONG = EVENTS >= 20_000
AWAY_SECONDS = 20.0 if LONG else 5.0
CALM_EVENTS = 600

Step = Callable[[], Awaitable[None]]


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """Run the servers of all tests here; they are stopped and started, so nobody else uses them."""
    with running() as made:
        yield made


@pytest.mark.faults
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("all_kinds", [True, False], ids=["servers", "postgres"])
async def test_every_figure_is_exact_though_processes_and_stores_fail(
    servers: Servers, all_kinds: bool, tmp_path: Path
) -> None:
    settings = await servers.settings(all_kinds=all_kinds)
    cluster = Cluster(tmp_path, settings)
    try:
        await asyncio.to_thread(cluster.start)
        checker = await _run(cluster, Steps(cluster, servers, settings), all_kinds=all_kinds)
        assert await checker.rows(settings["FAULTLINE_DATABASE"]) > 0
    finally:
        await asyncio.to_thread(cluster.stop)


async def _run(cluster: Cluster, steps: Steps, *, all_kinds: bool) -> Checker:
    truth = make(cluster.project, EVENTS, round(time.time(), 3))
    requests = in_order(truth)
    safe = sum(not request.retry for request in requests)
    traffic = Traffic(cluster, requests[safe:])
    await send(lambda: cluster.ingest_url, requests[:safe], _nothing)
    todo = _listed(steps, all_kinds=all_kinds)
    for number, step in enumerate(todo):
        await traffic.during(step, len(todo) - number)
    await traffic.rest()
    await asyncio.to_thread(cluster.wait_ready)
    await complete(cluster, time.time())
    await steps.written()
    checker = Checker(cluster, truth)
    print(await checker.check(), "ended by themselves:", cluster.ends())  # noqa: T201  the figures that were compared
    return checker


def _listed(steps: Steps, *, all_kinds: bool) -> list[Step]:
    """Four workers killed, six leaving or joining, each store stopped and started."""
    kill, leave, join, away = steps.kill, steps.leave, steps.join, steps.away
    away_on_servers: list[Step] = [
        lambda: steps.sink_down("postgres", "rates", AWAY_SECONDS),
        lambda: away("kafka", AWAY_SECONDS),
        lambda: steps.sink_down("elasticsearch", "search", AWAY_SECONDS),
        lambda: steps.sink_down("s3", "archive", AWAY_SECONDS),
    ]
    away_on_postgres: list[Step] = [
        lambda: leave("rates-2"),
        lambda: away("postgres", AWAY_SECONDS),
        lambda: join("rates-2"),
    ]
    return [
        lambda: kill("crashes-1"),
        *(away_on_servers if all_kinds else away_on_postgres),
        lambda: kill("rates-1"),
        lambda: leave("crashes-2"),
        lambda: kill("ingest-1"),
        lambda: join("crashes-2"),
        lambda: leave("sessions-1"),
        lambda: kill("archive-1"),
        lambda: kill("timings-1"),
        lambda: join("sessions-1"),
    ]


@pytest.mark.faults
@pytest.mark.timeout(900)
async def test_both_sets_of_stores_give_equal_windows(servers: Servers, tmp_path: Path) -> None:
    now = round(time.time(), 3)
    found = [
        await _calm(tmp_path / str(all_kinds), await servers.settings(all_kinds=all_kinds), now)
        for all_kinds in (True, False)
    ]
    assert found[0] == found[1]
    assert sum(map(len, found[0].values())) > 0


async def _calm(data: Path, settings: dict[str, str], now: float) -> dict[tuple[str, ...], list[Any]]:
    """Return the windows of every cell of an installation that got the same events at the same times as another."""
    installation = Installation(data, settings)
    try:
        await asyncio.to_thread(installation.start)
        truth = make(installation.project, CALM_EVENTS, now, clocks=0.0)
        await send(lambda: installation.url, in_order(truth), _nothing)
        await complete(installation, time.time())
        checker = Checker(installation, truth)
        await checker.check()
        return await checker.points(now)
    finally:
        await asyncio.to_thread(installation.stop)


async def _nothing() -> None:
    pass
