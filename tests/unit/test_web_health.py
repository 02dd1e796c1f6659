"""Readiness while stores are away, refuse or hang."""

import asyncio
from typing import Any, cast

import msgspec
import pytest

from app.settings import Settings
from app.stores.errors import StoreUnavailable
from app.web import health, probe
from app.web.probe import StoreProbe
from app.web.services import Services

ON_SERVERS = Settings(log="kafka://h:9092", search="http://h:9200")


class Frozen:
    """A pool whose queries end only once ``thawed`` is set, even when they are cancelled."""

    def __init__(self) -> None:
        self.pings = 0
        self.thawed = asyncio.Event()

    async def fetchval(self, query: str, **_: Any) -> int:  # noqa: ANN401  asyncpg's own arguments
        assert query == "select 1"
        self.pings += 1
        await self.thawed.wait()
        return 1


class Reachable:
    """A store that answers unless ``away`` is set."""

    def __init__(self) -> None:
        self.pings = 0
        self.away = False

    async def ping(self, *_: str, **__: float) -> list[None]:
        self.pings += 1
        if self.away:
            raise StoreUnavailable("away")
        return []

    fetchval = event = ping


class Parts:
    """The part of ``Services`` that readiness uses."""

    def __init__(self, *parts: str, settings: Settings = ON_SERVERS) -> None:
        self.parts = frozenset(parts)
        self.settings = settings
        self.pool: Frozen | Reachable = Reachable()
        self.blobs = Reachable()
        self.search = Reachable()
        self.probes: dict[str, StoreProbe] = {}

    def readiness(self) -> list[str]:
        return []


async def reasons(parts: Parts) -> list[tuple[str, bool]]:
    return [(reason.code, reason.fatal) for reason in await health.unready_reasons(cast("Services", parts))]


async def test_a_frozen_database_is_reported_in_time_and_pinged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "SECONDS", 0.05)
    parts = Parts("ingest", "web", settings=Settings())
    parts.pool = pool = Frozen()
    for _ in range(3):
        assert await reasons(parts) == [("store_unavailable", True)]
    assert pool.pings == 1
    pool.thawed.set()
    assert await reasons(parts) == []
    pings = pool.pings
    assert await reasons(parts) == []
    assert pool.pings == pings + 1


@pytest.mark.parametrize(
    ("parts", "fatal"),
    [
        (("ingest",), {"store": False}),
        (("web",), {"store": True, "files": False, "search": False}),
        (("files",), {"store": True, "files": True}),
        (("ingest", "web", "files"), {"store": False, "files": False, "search": False}),
    ],
)
async def test_a_process_reports_the_stores_it_uses_and_is_ready_if_it_accepts_events(
    parts: tuple[str, ...], fatal: dict[str, bool]
) -> None:
    process = Parts(*parts)
    for store in (process.pool, process.blobs, process.search):
        cast("Reachable", store).away = True
    assert dict(await reasons(process)) == {f"{name}_unavailable": is_fatal for name, is_fatal in fatal.items()}
    process.settings = msgspec.structs.replace(ON_SERVERS, log="database:", search="database:")
    process.probes.clear()
    codes = dict(await reasons(process))
    assert codes["store_unavailable"]
    assert "search_unavailable" not in codes


async def test_a_probe_of_the_files_is_reused_for_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts("files")
    for _ in range(3):
        assert await reasons(parts) == []
    assert parts.blobs.pings == 1
    parts.probes.clear()
    monkeypatch.setattr(health, "FRESH_SECONDS", 0.0)
    parts.blobs.away = True
    for _ in range(2):
        assert await reasons(parts) == [("files_unavailable", True)]
    assert parts.blobs.pings == 3
