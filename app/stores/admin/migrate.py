"""Brings the schema up to date: runs each numbered SQL file once, in order, each in a transaction of its own."""

from importlib import resources
from typing import Final

import asyncpg

LOCK: Final = 0x4661756C746C696E
"""Key of the advisory lock ("Faultlin" in ASCII): one process at a time migrates a database."""


async def migrate(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """Apply the missing files and return their names; idempotent, and safe from several processes at once."""
    await connection.execute("select pg_advisory_lock($1)", LOCK)
    try:
        await connection.execute(
            "create table if not exists migrations (name text primary key, applied timestamptz not null default now())"
        )
        known = {row["name"] for row in await connection.fetch("select name from migrations")}
        missing = [(name, sql) for name, sql in _files() if name not in known]
        for name, sql in missing:
            async with connection.transaction():
                await connection.execute(sql)
                await connection.execute("insert into migrations (name) values ($1)", name)
        return [name for name, _ in missing]
    finally:
        await connection.execute("select pg_advisory_unlock($1)", LOCK)


def _files() -> list[tuple[str, str]]:
    """Return (name, SQL) of all migrations, in order."""
    folder = resources.files("app") / "migrations"
    return sorted((entry.name, entry.read_text()) for entry in folder.iterdir() if entry.name.endswith(".sql"))
