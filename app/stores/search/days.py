"""The days of the events table, its partitions: created when needed, dropped whole when they are old."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from app.postgres import Connection

LOCK: Final = 0x4661_756C_7400_0004
"""Key of the advisory lock ("Fault", then the number of search): one process at a time changes the days."""

DAY_MS: Final = 86_400_000
EPOCH: Final = date(1970, 1, 1)

_log: Final = structlog.get_logger(__name__)


def day_of(received: int) -> date:
    """Return the UTC day of a time in ms; a time before 1970 or after 9999 belongs to the first or last day."""
    return EPOCH + timedelta(days=min(max(received // DAY_MS, 0), (date.max - EPOCH).days - 1))


async def make_days(connection: "Connection", days: Iterable[date]) -> None:
    """Create the partitions of days that are missing.

    Each is created as a table of its own and then attached, which does not lock out readers.
    """
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", LOCK)
        existing = await _days(connection)
        for day in sorted(set(days) - set(existing)):
            name, end = _name(day), day + timedelta(days=1)
            await connection.execute(f"create table {name} (like events including all)")
            await connection.execute(
                f"alter table events attach partition {name} for values from ('{day}') to ('{end}')"
            )


async def drop_days(connection: "Connection", keep: int) -> list[date]:
    """Drop the days that are over ``keep`` days old by the server's clock, and return them.

    Raises asyncpg.LockNotAvailableError where a search holds a day for over two seconds.
    """
    async with connection.transaction():
        await connection.execute("set local lock_timeout = '2s'")
        await connection.execute("select pg_advisory_xact_lock($1)", LOCK)
        now: datetime = await connection.fetchval("select now()")
        old = [day for day in await _days(connection) if day < now.astimezone(UTC).date() - timedelta(days=keep)]
        for day in old:
            await connection.execute(f"drop table {_name(day)}")
    if old:
        _log.info("search_days_dropped", days=[str(day) for day in old])
    return old


async def _days(connection: "Connection") -> list[date]:
    rows = await connection.fetch(
        "select relname from pg_inherits join pg_class on oid = inhrelid where inhparent = 'events'::regclass"
    )
    return [datetime.strptime(row["relname"], "events_%Y%m%d").replace(tzinfo=UTC).date() for row in rows]


def _name(day: date) -> str:
    """Return the partition's name; ``_days`` reads the day back from it."""
    return f"events_{day:%Y%m%d}"
