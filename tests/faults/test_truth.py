"""Events of known truth through a whole installation, while its processes are killed: every figure must be exact."""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest

from tests.support.installation import Installation
from tests.support.truth import in_order, make
from tests.support.truth_run import Checker, complete, send

EVENTS = int(os.environ.get("FAULTLINE_TRUTH_EVENTS", "5000"))
"""20000 for the long run."""

KILLS: Final = int(os.environ.get("FAULTLINE_TRUTH_KILLS", "3"))
"""How often PostgreSQL is killed; 20 for the long run."""


@pytest.fixture(params=["postgres", "kafka"])
def log_setting(request: pytest.FixtureRequest) -> str:
    """Return FAULTLINE_LOG; Kafka is started only where it is used."""
    setting: str = request.getfixturevalue("kafka_url") if request.param == "kafka" else "database:"
    return setting


@pytest.mark.faults
@pytest.mark.timeout(1500)
async def test_every_figure_is_exact_though_the_worker_is_killed(
    log_setting: str, database: str, tmp_path: Path
) -> None:
    settings = {"FAULTLINE_DATABASE": database, "FAULTLINE_LOG": log_setting}
    with Installation(tmp_path / "data", settings) as installation:
        checker = await _run(installation, lambda: _kill_worker(installation, times=3))
        assert await checker.rows(database) > 0


@pytest.mark.faults
@pytest.mark.timeout(1500)
async def test_every_figure_is_exact_though_everything_is_killed_at_once(tmp_path: Path) -> None:
    with Installation(tmp_path / "data") as installation:
        await _run(installation, lambda: _kill_everything(installation))


@pytest.mark.faults
@pytest.mark.timeout(300 + 60 * KILLS)
async def test_every_figure_is_exact_though_postgresql_is_killed(tmp_path: Path) -> None:
    chance = random.Random(5)
    with Installation(tmp_path / "data") as installation:
        truth = make(installation.project, EVENTS, round(time.time(), 3))
        requests = in_order(truth)
        safe = sum(not request.retry for request in requests)
        await send(lambda: installation.url, requests[:safe], _nothing)
        portion = -(-(len(requests) - safe) // KILLS)
        for start in range(safe, len(requests), portion):
            await send(
                lambda: installation.url,
                requests[start : start + portion],
                lambda: _kill_postgres(installation, chance),
            )
        await complete(installation, time.time())
        print(await Checker(installation, truth).check())  # noqa: T201  the figures that were compared


async def _run(installation: Installation, during: Callable[[], Awaitable[None]]) -> Checker:
    truth = make(installation.project, EVENTS, round(time.time(), 3))
    requests = in_order(truth)
    safe = sum(not request.retry for request in requests)
    await send(lambda: installation.url, requests[:safe], _nothing)
    await send(lambda: installation.url, requests[safe:], during)
    await complete(installation, time.time())
    checker = Checker(installation, truth)
    print(await checker.check())  # noqa: T201  the figures that were compared
    return checker


async def _nothing() -> None:
    pass


async def _kill_worker(installation: Installation, times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(3)
        old = installation.kill("crashes")
        await asyncio.to_thread(installation.wait_restarted, "crashes", old)


async def _kill_postgres(installation: Installation, chance: random.Random) -> None:
    """Kill PostgreSQL at some moment of the traffic; wait until it and the worker are back at work."""
    await asyncio.sleep(chance.uniform(0.2, 2.0))
    worker = installation.facts["pids"]["crashes"]
    old = await asyncio.to_thread(installation.kill_postgres)
    await asyncio.to_thread(installation.wait_restarted, "postgres", old)
    await asyncio.to_thread(installation.wait_restarted, "crashes", worker)


async def _kill_everything(installation: Installation) -> None:
    await asyncio.sleep(5)
    installation.kill_everything()
    await asyncio.to_thread(installation.start)
