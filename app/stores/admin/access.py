"""Access to the API and the pages: tokens, one-time sign-in codes, browser sessions.

Only sha256 digests are stored. Tokens, codes and cookies have 256 random bits, which cannot be guessed from a digest:
a slow hash, as for passwords, would add nothing.
"""

import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from cachetools import TLRUCache

if TYPE_CHECKING:
    from app.postgres import Pool

TOKEN_PREFIX: Final = "flt_"  # noqa: S105  marks our tokens for secret scanners; it is no secret itself
CODE_LIFETIME: Final = timedelta(hours=24)
"""A code is in ``faultline.json`` beside a token that never expires: a shorter life would only lock people out."""

SESSION_LIFETIME: Final = timedelta(days=30)
CACHE_SECONDS: Final = 60.0
"""A known secret is cached for so long: a revoked token stops working within this time."""

MISS_SECONDS: Final = 5.0
"""An unknown secret is cached for so long: one that was tried before it was created works within this time."""

CACHE_ENTRIES: Final = 10_000
"""Secrets of each kind that are cached, known and unknown, some MB in all: whoever guesses cannot grow the process."""

T = TypeVar("T")


class Access(NamedTuple):
    """The permissions of a token; ``projects`` None means all projects."""

    name: str
    projects: frozenset[int] | None = None
    write: bool = True

    def may_see(self, project: int) -> bool:
        """Return whether a project's data may be read."""
        return self.projects is None or project in self.projects


class BrowserSession(NamedTuple):
    """A signed-in browser; every change must carry ``csrf``."""

    csrf: str


async def create_token(pool: "Pool", name: str, projects: list[int] | None = None, *, write: bool = True) -> str:
    """Create a token for all projects, or for some, and return it; only its digest is stored."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    await pool.execute(
        "insert into tokens (name, digest, projects, write) values ($1, $2, $3, $4)",
        name, _digest(token), projects, write,
    )  # fmt: skip
    return token


async def ensure_token(pool: "Pool", name: str, token: str) -> None:
    """Make ``token`` valid for all projects; idempotent."""
    await pool.execute(
        "insert into tokens (name, digest) values ($1, $2) on conflict (digest) do nothing", name, _digest(token)
    )


async def check_token(pool: "Pool", token: str) -> Access | None:
    """Look up a token; return None where it is unknown or revoked."""
    row = await pool.fetchrow(
        "select name, projects, write from tokens where digest = $1 and revoked is null", _digest(token)
    )
    if row is None:
        return None
    return Access(row["name"], None if row["projects"] is None else frozenset(row["projects"]), row["write"])


async def create_sign_in(pool: "Pool") -> str:
    """Create a code that signs one browser in, once, within ``CODE_LIFETIME``."""
    code = secrets.token_urlsafe(32)
    await pool.execute(
        "insert into sign_in_codes (digest, expires) values ($1, $2)", _digest(code), datetime.now(UTC) + CODE_LIFETIME
    )
    return code


async def redeem(pool: "Pool", code: str) -> tuple[str, str] | None:
    """Redeem a code for (cookie, CSRF token); return None where it is unknown, used or expired."""
    cookie, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    async with pool.acquire() as connection, connection.transaction():
        used = await connection.fetchval(
            "update sign_in_codes set used = now() where digest = $1 and used is null and expires > now() returning 1",
            _digest(code),
        )
        if used is None:
            return None
        await connection.execute("delete from browser_sessions where expires < now()")
        await connection.execute("delete from sign_in_codes where expires < now()")
        await connection.execute(
            "insert into browser_sessions (digest, csrf, expires) values ($1, $2, $3)",
            _digest(cookie), csrf, datetime.now(UTC) + SESSION_LIFETIME,
        )  # fmt: skip
    return cookie, csrf


async def browser_session(pool: "Pool", cookie: str) -> BrowserSession | None:
    """Look up a browser's cookie; return None where it is unknown or expired."""
    csrf = await pool.fetchval(
        "select csrf from browser_sessions where digest = $1 and expires > now()", _digest(cookie)
    )
    return None if csrf is None else BrowserSession(csrf)


async def sign_out(pool: "Pool", cookie: str) -> None:
    """End a browser's session."""
    await pool.execute("delete from browser_sessions where digest = $1", _digest(cookie))


class CachedAccess:
    """Looks up tokens and browser sessions for the servers; results are cached, misses for a shorter time.

    Errors of PostgreSQL are raised as they are.
    """

    def __init__(self, pool: "Pool") -> None:
        self._tokens = _CachedLookup(partial(check_token, pool))
        self._sessions = _CachedLookup(partial(browser_session, pool))

    async def token(self, token: str) -> Access | None:
        """Return a token's permissions, None where it is unknown or revoked."""
        return await self._tokens.get(token)

    async def session(self, cookie: str) -> BrowserSession | None:
        """Return a browser's session, None where it is unknown or expired."""
        return await self._sessions.get(cookie)

    def forget_session(self, cookie: str) -> None:
        """Drop the cached session of a cookie that has just signed out."""
        self._sessions.forget(cookie)


class _CachedLookup(Generic[T]):
    """Caches the results of looking up one kind of secret, by the secret's digest."""

    def __init__(self, look_up: Callable[[str], Awaitable[T | None]]) -> None:
        self._look_up = look_up
        self._cache: TLRUCache[bytes, T | None] = TLRUCache(CACHE_ENTRIES, ttu=_expiry)

    async def get(self, secret: str) -> T | None:
        key = _digest(secret)
        with suppress(KeyError):
            return self._cache[key]
        result = self._cache[key] = await self._look_up(secret)
        return result

    def forget(self, secret: str) -> None:
        self._cache.pop(_digest(secret), None)


def _expiry(_: bytes, result: object, now: float) -> float:
    return now + (MISS_SECONDS if result is None else CACHE_SECONDS)


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "replace")).digest()
