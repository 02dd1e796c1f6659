"""Brings the schema up to date: each numbered SQL file once, in order, each in a transaction of its own."""

from importlib import resources

import asyncpg

LOCK = 0x4661756C746C696E  # "Faultlin": one migration at a time, whoever starts it


async def migrate(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """Apply what is missing and return its names; safe to repeat and to run from several processes at once."""
    await connection.execute("select pg_advisory_lock($1)", LOCK)
    try:
        await connection.execute(
            "create table if not exists migrations (name text primary key, applied timestamptz not null default now())"
        )
        known = {row["name"] for row in await connection.fetch("select name from migrations")}
        missing = [entry for entry in _files() if entry[0] not in known]
        for name, sql in missing:
            async with connection.transaction():
                await connection.execute(sql)
                await connection.execute("insert into migrations (name) values ($1)", name)
        return [name for name, _ in missing]
    finally:
        await connection.execute("select pg_advisory_unlock($1)", LOCK)


def _files() -> list[tuple[str, str]]:
    folder = resources.files("app") / "migrations"
    return sorted((entry.name, entry.read_text()) for entry in folder.iterdir() if entry.name.endswith(".sql"))
