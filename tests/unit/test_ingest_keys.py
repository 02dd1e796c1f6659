"""The cache of keys: age of entries, behaviour while the store is away, bounded memory; and readiness."""

import asyncio

import pytest

from app.ingest import keys
from app.ingest.codes import Refusal
from app.ingest.health import Health
from app.ingest.keys import KeyCache
from app.ingest.limits import FORGET_SECONDS, KNOWN_SECONDS, RETRY_SECONDS, UNKNOWN_SECONDS
from app.stores.admin.projects import FoundKey
from app.stores.errors import StoreUnavailable

FOUND = FoundKey(7, "sentry", disabled=False)


class Clock:
    """A clock in seconds that a test advances."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Store:
    """A store of keys in memory that can be unavailable."""

    def __init__(self) -> None:
        self.keys: dict[str, FoundKey] = {"good": FOUND}
        self.away = False
        self.lookups: list[str] = []

    async def by_key(self, key: str) -> FoundKey | None:
        await asyncio.sleep(0)
        self.lookups.append(key)
        if self.away:
            raise StoreUnavailable
        return self.keys.get(key)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_a_known_key_is_looked_up_once_in_its_lifetime(store: Store, clock: Clock) -> None:
    cache = KeyCache(store, clock)
    assert await cache.find("good") == FOUND
    clock.now += KNOWN_SECONDS - 1
    assert await cache.find("good") == FOUND
    assert len(store.lookups) == 1
    clock.now += 2
    assert await cache.find("good") == FOUND
    assert len(store.lookups) == 2


async def test_a_disabled_key_is_refused_within_a_minute(store: Store, clock: Clock) -> None:
    cache = KeyCache(store, clock)
    await cache.find("good")
    store.keys["good"] = FOUND._replace(disabled=True)
    clock.now += 60
    assert await cache.find("good") is None


async def test_an_unknown_key_is_cached_for_seconds(store: Store, clock: Clock) -> None:
    cache = KeyCache(store, clock)
    assert await cache.find("new") is None
    assert await cache.find("new") is None
    assert store.lookups == ["new"]
    store.keys["new"] = FOUND
    clock.now += UNKNOWN_SECONDS + 1
    assert await cache.find("new") == FOUND


async def test_a_known_key_stays_valid_while_the_store_is_away(store: Store, clock: Clock) -> None:
    cache = KeyCache(store, clock)
    await cache.find("good")
    store.away = True
    for _ in range(100):
        clock.now += 600
        assert await cache.find("good") == FOUND
        assert await cache.find("good") == FOUND
    assert len(store.lookups) == 101
    store.away = False
    store.keys.clear()
    clock.now += RETRY_SECONDS + 1
    assert await cache.find("good") is None


async def test_a_key_never_found_is_refused_while_the_store_is_away(store: Store, clock: Clock) -> None:
    store.away = True
    cache = KeyCache(store, clock)
    with pytest.raises(Refusal, match="keys_unavailable"):
        await cache.find("good")
    store.away = False
    assert await cache.find("good") == FOUND


async def test_concurrent_requests_share_a_lookup(store: Store, clock: Clock) -> None:
    cache = KeyCache(store, clock)
    assert await asyncio.gather(*(cache.find("good") for _ in range(20))) == [FOUND] * 20
    assert store.lookups == ["good"]


async def test_guessed_keys_do_not_evict_known_ones(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "MAX_UNKNOWN", 10)
    cache = KeyCache(store, clock)
    await cache.find("good")
    for number in range(50):
        assert await cache.find(f"guess{number}") is None
    assert len(cache._unknown) == 10
    assert await cache.find("good") == FOUND
    assert store.lookups.count("good") == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "a b", "a\0b", "schlüssel"])
async def test_an_impossible_key_is_never_looked_up(store: Store, clock: Clock, key: str) -> None:
    assert await KeyCache(store, clock).find(key) is None
    assert store.lookups == []


def test_a_reason_of_readiness_expires(clock: Clock) -> None:
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
