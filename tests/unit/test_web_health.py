"""Readiness while the database hangs."""

import asyncio
from typing import Any, cast

import pytest

from app.web import health
from app.web.services import Services


class Frozen:
    """A pool whose queries end only when they are let go, whoever gives them up."""

    def __init__(self) -> None:
        self.asked = 0
        self.thawed = asyncio.Event()

    async def fetchval(self, query: str, **_: Any) -> int:  # noqa: ANN401  asyncpg's own arguments
        assert query == "select 1"
        self.asked += 1
        await self.thawed.wait()
        return 1


class Parts:
    """What readiness uses of ``Services``."""

    def __init__(self, pool: Frozen) -> None:
        self.pool = pool
        self.look: asyncio.Future[object] | None = None

    def readiness(self) -> list[str]:
        return []


async def test_a_frozen_database_is_told_in_time_and_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LOOK_SECONDS", 0.05)
    pool = Frozen()
    services = cast("Services", Parts(pool))
    for _ in range(3):
        assert await health.unready(services) == ["store_unavailable"]
    assert pool.asked == 1
    pool.thawed.set()
    assert await health.unready(services) == []
    assert await health.unready(services) == []
    assert pool.asked == 2
