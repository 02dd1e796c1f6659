"""Projects and their keys, in PostgreSQL."""

import builtins
import secrets
import sys
from typing import TYPE_CHECKING, Final, Literal, NamedTuple
from urllib.parse import urlsplit

import asyncpg
import msgspec
from cachetools import LRUCache

from app.grouping import DEFAULT, NEWEST
from app.postgres import translated

if TYPE_CHECKING:
    from app.postgres import Pool

Protocol = Literal["sentry", "raygun"]

DEMO: Final = "Demo shop"
"""The name of the project that ``faultline demo`` fills with made-up data; the pages mark it."""
MAX_NAME: Final = 100
"""Characters; a longer name does not fit the lists of the pages."""

MAX_SECRETS: Final = 10_000
"""User secrets kept in memory, 32 bytes each: about 1 MB with what Python adds."""


class Project(msgspec.Struct, frozen=True):
    """One project and its newest enabled keys ('' for none)."""

    id: int
    name: str
    sentry_key: str
    raygun_key: str
    grouping: str = NEWEST
    """Version of the grouping; it never changes."""

    def dsn(self, base_url: str) -> str:
        """Return the DSN for a Sentry SDK: ``http://KEY@host/ID``."""
        parts = urlsplit(base_url)
        return f"{parts.scheme}://{self.sentry_key}@{parts.netloc}{parts.path.rstrip('/')}/{self.id}"


class Key(msgspec.Struct, frozen=True):
    """One key of a project."""

    key: str
    protocol: Protocol
    disabled: bool


class FoundKey(NamedTuple):
    """The project and protocol that a key belongs to, and the versions that ingest stamps its records with."""

    project: int
    protocol: Protocol
    disabled: bool
    grouping: str = DEFAULT
    """Version of the grouping; it never changes."""
    rules: int = 0
    """Newest version of the project's rules."""


class KeyTaken(ValueError):
    """A key that was chosen for a new project belongs to another project."""


_SELECT = """
select p.id, p.name,
  coalesce((select key from project_keys k where k.project = p.id and k.protocol = 'sentry' and k.disabled is null
            order by created desc, key limit 1), '') as sentry_key,
  coalesce((select key from project_keys k where k.project = p.id and k.protocol = 'raygun' and k.disabled is null
            order by created desc, key limit 1), '') as raygun_key,
  p.grouping
from projects p
"""


class Projects:
    """The projects of one database, over a pool that the caller opens and closes.

    All methods raise StoreUnavailable while it does not answer.
    """

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._secrets: LRUCache[int, bytes] = LRUCache(MAX_SECRETS)  # immutable: never out of date

    async def create(self, name: str, *, raygun_key: str | None = None, sentry_key: str | None = None) -> Project:
        """Create a project with a key of each protocol. Raises ValueError for an unusable name, KeyTaken."""
        name = name.strip()
        if not name or len(name) > MAX_NAME or "\0" in name:
            raise ValueError(f"a project name has 1 to {MAX_NAME} characters")
        keys: builtins.list[tuple[Protocol, str]] = [
            ("sentry", sentry_key or new_key("sentry")),
            ("raygun", raygun_key or new_key("raygun")),
        ]
        with translated("projects"):
            project = await self._insert(name, keys)
        return Project(project, name, keys[0][1], keys[1][1])

    async def _insert(self, name: str, keys: builtins.list[tuple[Protocol, str]]) -> int:
        async with self._pool.acquire() as connection, connection.transaction():
            project = await connection.fetchval(
                "insert into projects (name, user_secret, grouping) values ($1, $2, $3) returning id",
                name, secrets.token_bytes(32), NEWEST,
            )  # fmt: skip
            try:
                await connection.executemany(
                    "insert into project_keys (key, project, protocol) values ($1, $2, $3)",
                    [(key, project, protocol) for protocol, key in keys],
                )
            except asyncpg.UniqueViolationError as error:
                raise KeyTaken("the key belongs to a project already") from error
        return int(project)

    async def list(self) -> builtins.list[Project]:
        """Return all projects, by id."""
        with translated("projects"):
            rows = await self._pool.fetch(_SELECT + " order by p.id")
        return [Project(*row) for row in rows]

    async def get(self, project: int) -> Project | None:
        """Return one project, None for an unknown id."""
        with translated("projects"):
            row = await self._pool.fetchrow(_SELECT + " where p.id = $1", project)
        return Project(*row) if row else None

    async def keys(self, project: int) -> builtins.list[Key]:
        """Return all keys of a project, the newest first."""
        with translated("projects"):
            rows = await self._pool.fetch(
                "select key, protocol, disabled is not null from project_keys where project = $1"
                " order by created desc, key",
                project,
            )
        return [Key(*row) for row in rows]

    async def by_key(self, key: str) -> FoundKey | None:
        """Return the project and protocol of a key, None for an unknown key. Not cached: ``app.ingest.keys`` caches."""
        with translated("projects"):
            row = await self._pool.fetchrow(
                "select k.project, k.protocol, k.disabled is not null, p.grouping, p.rules"
                " from project_keys k join projects p on p.id = k.project where k.key = $1",
                key,
            )
        return FoundKey(row[0], row[1], row[2], sys.intern(row[3]), row[4]) if row else None

    async def rules(self) -> dict[int, int]:
        """Return the newest version of the rules of each project that has any."""
        with translated("projects"):
            return {row[0]: row[1] for row in await self._pool.fetch("select id, rules from projects where rules > 0")}

    async def rotate_key(self, project: int, protocol: Protocol) -> str:
        """Create a new key and disable the project's old ones of this protocol; ingest refuses those within 60 s."""
        key = new_key(protocol)
        with translated("projects"):
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(
                    "update project_keys set disabled = now()"
                    " where project = $1 and protocol = $2 and disabled is null",
                    project,
                    protocol,
                )
                await connection.execute(
                    "insert into project_keys (key, project, protocol) values ($1, $2, $3)", key, project, protocol
                )
        return key

    async def disable_key(self, key: str) -> bool:
        """Disable a key, which ingest refuses within 60 s; return False where there is no such enabled key."""
        with translated("projects"):
            status = await self._pool.execute(
                "update project_keys set disabled = now() where key = $1 and disabled is null", key
            )
        return bool(status == "UPDATE 1")

    async def user_secret(self, project: int) -> bytes:
        """Return the secret that keys the hash of this project's users; it never changes. Raises LookupError."""
        secret = self._secrets.get(project)
        if secret is None:
            with translated("projects"):
                secret = await self._pool.fetchval("select user_secret from projects where id = $1", project)
            if secret is None:
                raise LookupError(f"expected the id of a project, received {project}")
            self._secrets[project] = secret
        return secret


def new_key(protocol: Protocol) -> str:
    """Return a new random key: Sentry's SDKs require 32 hex digits, Raygun's take any text."""
    return secrets.token_hex(16) if protocol == "sentry" else secrets.token_urlsafe(18)
