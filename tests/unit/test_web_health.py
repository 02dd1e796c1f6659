"""Readiness while stores are away, refuse or hang."""

import asyncio
from typing import Any, cast

import msgspec
import pytest

from app.settings import Settings
from app.stores.errors import StoreUnavailable
from app.web import health, probe
from app.web.probe import Look
from app.web.services import Services

ON_SERVERS = Settings(log="kafka://h:9092", search="http://h:9200")


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


class Well:
    """A store that answers, until it is told not to."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = False

    async def ping(self, *_: str, **__: float) -> list[None]:
        self.asked += 1
        if self.away:
            raise StoreUnavailable("away")
        return []

    fetchval = event = ping


class Parts:
    """What readiness uses of ``Services``."""

    def __init__(self, *parts: str, settings: Settings = ON_SERVERS) -> None:
        self.parts = frozenset(parts)
        self.settings = settings
        self.pool: Frozen | Well = Well()
        self.blobs = Well()
        self.search = Well()
        self.looks: dict[str, Look] = {}

    def readiness(self) -> list[str]:
        return []


async def told(parts: Parts) -> list[tuple[str, bool]]:
    return [(reason.code, reason.grave) for reason in await health.unready(cast("Services", parts))]


async def test_a_frozen_database_is_told_in_time_and_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "SECONDS", 0.05)
    parts = Parts("ingest", "web", settings=Settings())
    parts.pool = pool = Frozen()
    for _ in range(3):
        assert await told(parts) == [("store_unavailable", True)]
    assert pool.asked == 1
    pool.thawed.set()
    assert await told(parts) == []
    asked = pool.asked
    assert await told(parts) == []
    assert pool.asked == asked + 1


@pytest.mark.parametrize(
    ("parts", "grave"),
    [
        (("ingest",), {"store": False}),
        (("web",), {"store": True, "files": False, "search": False}),
        (("files",), {"store": True, "files": True}),
        (("ingest", "web", "files"), {"store": False, "files": False, "search": False}),
    ],
)
async def test_a_process_tells_of_the_stores_it_uses_and_is_ready_if_it_takes_events(
    parts: tuple[str, ...], grave: dict[str, bool]
) -> None:
    process = Parts(*parts)
    for store in (process.pool, process.blobs, process.search):
        cast("Well", store).away = True
    assert dict(await told(process)) == {f"{name}_unavailable": matters for name, matters in grave.items()}
    process.settings = msgspec.structs.replace(ON_SERVERS, log="database:", search="database:")
    process.looks.clear()
    found = dict(await told(process))
    assert found["store_unavailable"]
    assert "search_unavailable" not in found


async def test_an_answer_of_the_files_holds_for_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts("files")
    for _ in range(3):
        assert await told(parts) == []
    assert parts.blobs.asked == 1
    parts.looks.clear()
    monkeypatch.setattr(health, "FRESH_SECONDS", 0.0)
    parts.blobs.away = True
    for _ in range(2):
        assert await told(parts) == [("files_unavailable", True)]
    assert parts.blobs.asked == 3
