"""Access on a real PostgreSQL: lookups are cached for a bounded time, also those of unknown secrets."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.stores.admin import access
from app.stores.admin.access import Access, CachedAccess


@pytest.fixture
async def pool(database: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    async with asyncpg.create_pool(database, min_size=0, max_size=2) as pool:
        yield pool


async def test_a_token_is_cached_and_revoked_within_the_cache_time(
    pool: "asyncpg.Pool[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "CACHE_SECONDS", 0.5)
    token, cached = await access.create_token(pool, "reader", [7], write=False), CachedAccess(pool)
    permissions = Access("reader", frozenset({7}), write=False)
    assert await cached.token(token) == permissions
    await pool.execute("update tokens set revoked = now()")
    assert await cached.token(token) == permissions
    await asyncio.sleep(0.6)
    assert await cached.token(token) is None


async def test_an_unknown_token_is_cached_for_a_shorter_time(
    pool: "asyncpg.Pool[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "MISS_SECONDS", 0.5)
    cached = CachedAccess(pool)
    assert await cached.token("flt_new") is None
    await access.ensure_token(pool, "late", "flt_new")
    assert await cached.token("flt_new") is None
    await asyncio.sleep(0.6)
    assert await cached.token("flt_new") == Access("late")


async def test_guesses_do_not_grow_the_cache(
    pool: "asyncpg.Pool[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "CACHE_ENTRIES", 3)
    cached = CachedAccess(pool)
    for number in range(10):
        assert await cached.token(f"flt_{number}") is None
    assert len(cached._tokens._cache) == 3


async def test_a_code_signs_in_once_and_signing_out_ends_the_session_at_once(
    pool: "asyncpg.Pool[asyncpg.Record]",
) -> None:
    code, cached = await access.create_sign_in(pool), CachedAccess(pool)
    redeemed = await access.redeem(pool, code)
    assert redeemed is not None
    cookie, csrf = redeemed
    assert await access.redeem(pool, code) is None
    assert await cached.session(cookie) == (csrf,)
    await access.sign_out(pool, cookie)
    cached.forget_session(cookie)
    assert await cached.session(cookie) is None


async def test_errors_of_the_database_are_not_cached(database: str) -> None:
    pool = await asyncpg.create_pool(database, min_size=0, max_size=1)
    token, cached = await access.create_token(pool, "all"), CachedAccess(pool)
    await pool.close()
    for _ in range(2):
        with pytest.raises(asyncpg.InterfaceError):
            await cached.token(token)
    assert len(cached._tokens._cache) == 0
