"""The cache of keys: how old an answer may be, what happens while the store is away, and that it is bounded."""

import asyncio

import pytest

from app.ingest import keys
from app.ingest.codes import Refusal
from app.ingest.health import FORGET_SECONDS, Health
from app.ingest.keys import KNOWN_SECONDS, RETRY_SECONDS, UNKNOWN_SECONDS, KeyCache
from app.stores.admin.projects import FoundKey
from app.stores.errors import StoreUnavailable

FOUND = FoundKey(7, "sentry", disabled=False)


class Clock:
    """Seconds that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Store:
    """Keys in memory; may be away."""

    def __init__(self) -> None:
        self.found: dict[str, FoundKey] = {"good": FOUND}
        self.away = False
        self.asked: list[str] = []

    async def by_key(self, key: str) -> FoundKey | None:
        await asyncio.sleep(0)
        self.asked.append(key)
        if self.away:
            raise StoreUnavailable
        return self.found.get(key)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_a_known_key_is_asked_for_once_in_its_time(store: Store, clock: Clock) -> None:
    cache = KeyCache(store, clock)
    assert await cache.find("good") == FOUND
    clock.now += KNOWN_SECONDS - 1
    assert await cache.find("good") == FOUND
    assert len(store.asked) == 1
    clock.now += 2
    assert await cache.find("good") == FOUND
    assert len(store.asked) == 2


async def test_a_disabled_key_is_dead_within_a_minute(store: Store, clock: Clock) -> None:
    cache = KeyCache(store, clock)
    await cache.find("good")
    store.found["good"] = FOUND._replace(disabled=True)
    clock.now += 60
    assert await cache.find("good") is None


async def test_an_unknown_key_is_remembered_but_not_for_long(store: Store, clock: Clock) -> None:
    cache = KeyCache(store, clock)
    assert await cache.find("new") is None
    assert await cache.find("new") is None
    assert store.asked == ["new"]
    store.found["new"] = FOUND
    clock.now += UNKNOWN_SECONDS + 1
    assert await cache.find("new") == FOUND


async def test_a_known_key_works_on_while_the_store_is_away(store: Store, clock: Clock) -> None:
    cache = KeyCache(store, clock)
    await cache.find("good")
    store.away = True
    for _ in range(100):
        clock.now += 600
        assert await cache.find("good") == FOUND
        assert await cache.find("good") == FOUND
    assert len(store.asked) == 101
    store.away = False
    store.found.clear()
    clock.now += RETRY_SECONDS + 1
    assert await cache.find("good") is None


async def test_a_key_never_seen_waits_for_the_store(store: Store, clock: Clock) -> None:
    store.away = True
    cache = KeyCache(store, clock)
    with pytest.raises(Refusal, match="keys_unavailable"):
        await cache.find("good")
    store.away = False
    assert await cache.find("good") == FOUND


async def test_requests_with_one_new_key_share_a_question(store: Store, clock: Clock) -> None:
    cache = KeyCache(store, clock)
    assert await asyncio.gather(*(cache.find("good") for _ in range(20))) == [FOUND] * 20
    assert store.asked == ["good"]


async def test_guessed_keys_do_not_fill_the_memory(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MAX_UNKNOWN", 10)
    cache = KeyCache(store, clock)
    await cache.find("good")
    for number in range(50):
        assert await cache.find(f"guess{number}") is None
    assert len(cache._unknown) == 10
    assert await cache.find("good") == FOUND
    assert store.asked.count("good") == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "a b", "a\0b", "schlüssel"])
async def test_what_is_no_key_is_never_asked_for(store: Store, clock: Clock, key: str) -> None:
    assert await KeyCache(store, clock).find(key) is None
    assert store.asked == []


def test_health_forgets_what_nothing_would_clear(clock: Clock) -> None:
    full = False
    health = Health(lambda: full, clock)
    assert health.readiness() == []
    health.failed("log_full")
    assert health.readiness() == ["log_full"]
    health.succeeded()
    assert health.readiness() == []
    health.failed("log_unavailable")
    clock.now += FORGET_SECONDS
    assert health.readiness() == []
    full = True
    assert health.readiness() == ["log_full"]
