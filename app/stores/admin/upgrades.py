"""Moments since when the records of this installation follow a newer rule; each is set by a migration."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.postgres import Connection, Pool

_SINCE = "select (extract(epoch from since) * 1000)::bigint from upgrades where name = 'session_ids'"


async def sessions_normalised_since(connection: "Connection | Pool") -> int:
    """Return the time (ms) since when session ids are normalised, 0 for always. Raises asyncpg's errors."""
    since: int | None = await connection.fetchval(_SINCE)
    return since or 0
