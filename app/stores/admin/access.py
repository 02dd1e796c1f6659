"""Who may use the API and the pages: tokens, one-time sign-in codes, browser sessions.

Only sha256 digests are stored. Every secret has 256 random bits, so that a plain digest is as good as a slow one.
"""

import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from app.postgres import Pool

TOKEN_PREFIX: Final = "flt_"  # noqa: S105  marks our tokens for secret scanners; it is no secret itself
CODE_LIFETIME: Final = timedelta(hours=24)
"""A code stands in ``faultline.json`` beside a token that never ends: shorter would only lock people out."""
SESSION_LIFETIME: Final = timedelta(days=30)
CACHE_SECONDS: Final = 60.0
"""A revoked token is dead within this time."""
MISS_SECONDS: Final = 5.0
"""Unknown ones are kept for less: a new token is good at once for all who did not try it before it was made."""
CACHE_ENTRIES: Final = 10_000

Kept = TypeVar("Kept")


class Access(NamedTuple):
    """What the bearer of a token may do. ``projects`` None means all of them."""

    name: str
    projects: frozenset[int] | None = None
    write: bool = True

    def may_see(self, project: int) -> bool:
        """Tell whether a project's data may be read."""
        return self.projects is None or project in self.projects


class BrowserSession(NamedTuple):
    """A signed-in browser: ``csrf`` must come with each change."""

    csrf: str


async def create_token(pool: "Pool", name: str, projects: list[int] | None = None, *, write: bool = True) -> str:
    """Make a token for all projects, or for some, and return it: it can't be shown again."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    await pool.execute(
        "insert into tokens (name, digest, projects, write) values ($1, $2, $3, $4)",
        name, _digest(token), projects, write,
    )  # fmt: skip
    return token


async def ensure_token(pool: "Pool", name: str, token: str) -> None:
    """Make ``token`` valid for everything; safe to repeat."""
    await pool.execute(
        "insert into tokens (name, digest) values ($1, $2) on conflict (digest) do nothing", name, _digest(token)
    )


async def check_token(pool: "Pool", token: str) -> Access | None:
    """Look a token up; None where it is unknown or revoked."""
    row = await pool.fetchrow(
        "select name, projects, write from tokens where digest = $1 and revoked is null", _digest(token)
    )
    if row is None:
        return None
    return Access(row["name"], None if row["projects"] is None else frozenset(row["projects"]), row["write"])


async def create_sign_in(pool: "Pool") -> str:
    """Make a code that signs one browser in, once, within ``CODE_LIFETIME``."""
    code = secrets.token_urlsafe(32)
    await pool.execute(
        "insert into sign_in_codes (digest, expires) values ($1, $2)", _digest(code), datetime.now(UTC) + CODE_LIFETIME
    )
    return code


async def redeem(pool: "Pool", code: str) -> tuple[str, str] | None:
    """Trade a code for (cookie, CSRF token); None where it is unknown, used or too old."""
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
    """Look a browser's cookie up; None where it is unknown or too old."""
    csrf = await pool.fetchval(
        "select csrf from browser_sessions where digest = $1 and expires > now()", _digest(cookie)
    )
    return None if csrf is None else BrowserSession(csrf)


async def sign_out(pool: "Pool", cookie: str) -> None:
    """End a browser's session."""
    await pool.execute("delete from browser_sessions where digest = $1", _digest(cookie))


class Cached:
    """Tokens and sessions as the servers look at them: answers are kept for ``CACHE_SECONDS``, misses too."""

    def __init__(self, pool: "Pool") -> None:
        """Look up in ``pool``."""
        self._tokens = _Answers(partial(check_token, pool))
        self._sessions = _Answers(partial(browser_session, pool))

    async def token(self, token: str) -> Access | None:
        """Give what a token may do; errors of the database pass."""
        return await self._tokens.of(token)

    async def session(self, cookie: str) -> BrowserSession | None:
        """Give a browser's session; errors of the database pass."""
        return await self._sessions.of(cookie)

    def forget_session(self, cookie: str) -> None:
        """Drop what is kept of a session that has just ended."""
        self._sessions.forget(cookie)


class _Answers(Generic[Kept]):
    """What one kind of secret was last found to be, by digest."""

    def __init__(self, look: Callable[[str], Awaitable[Kept | None]]) -> None:
        self._look = look
        self._known: dict[bytes, tuple[float, Kept | None]] = {}

    async def of(self, secret: str) -> Kept | None:
        key = _digest(secret)
        known = self._known.get(key)
        if known is not None and known[0] >= time.monotonic():
            return known[1]
        found = await self._look(secret)
        if len(self._known) >= CACHE_ENTRIES:
            self._known.clear()  # rather all looked up anew once than a cache that guesses can grow
        self._known[key] = (time.monotonic() + (MISS_SECONDS if found is None else CACHE_SECONDS), found)
        return found

    def forget(self, secret: str) -> None:
        self._known.pop(_digest(secret), None)


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "replace")).digest()
