"""Deletes what is past its retention: days of the log and of search, small windows, sign-ins.

The worker runs it beside one role (``app.roles.HOUSEKEEPER``), so that every way of deployment has it: once an hour, in
one process at a time. A failure never disturbs the process: it is logged, and the next hour tries again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import TYPE_CHECKING, Final

import structlog

from app.cells import DAY, HOUR, LATENESS, MINUTE
from app.log.open import AnyLog
from app.log.postgres.log import PostgresLog
from app.log.postgres.retention import drop_days
from app.postgres import make_pool, translated
from app.settings import Settings
from app.stores.search.contract import Search
from app.stores.search.open import open_search
from app.tasks import beside

if TYPE_CHECKING:
    from app.postgres import Connection, Pool

EVERY_SECONDS: Final = 3600.0
CHUNK: Final = 5000
"""Rows of one delete: some 50 ms, so that no other transaction waits for long."""

PAUSE_SECONDS: Final = 0.05
LOCK: Final = 0x4661_756C_7400_0009  # "Fault", housekeeping: one process at a time

_OLD_WINDOWS: Final = """
delete from windows where ctid = any(array(
  select ctid from windows where size = $1 and start < extract(epoch from now()) - $2
  limit $3 for update skip locked))"""

_OLD_SIGN_INS: Final = """
with codes as (delete from sign_in_codes where expires < now() - interval '1 day')
delete from browser_sessions where expires < now()"""

log = structlog.get_logger()


def ages(settings: Settings) -> dict[int, int]:
    """Return the age in s from which windows are deleted, by their size in s. Windows of a day are kept for ever.

    An age is never less than what the oldest record in the log may still add to: rates counts on the row of a window
    that it knows.
    """
    wanted = {MINUTE: settings.minute_days * DAY, HOUR: settings.hour_days * DAY}
    return {size: max(age, settings.retention_days * DAY + LATENESS[size] + DAY) for size, age in wanted.items()}


class Housekeeping:
    """Housekeeping of one process, over stores that the caller opens and closes."""

    def __init__(self, settings: Settings, pool: "Pool", records: AnyLog, search: Search) -> None:
        self._settings = settings
        self._pool = pool
        self._log = records
        self._search = search

    async def run(self) -> None:
        """Keep house now and every hour until cancelled."""
        while True:
            try:
                await self.once()
            except Exception as error:  # noqa: BLE001  deleting can wait, the role must go on
                log.warning("housekeeping_later", error=str(error) or type(error).__name__)
            await asyncio.sleep(EVERY_SECONDS)

    async def once(self) -> bool:
        """Delete what is too old; return False where another process is doing so. Raises StoreUnavailable, LogError."""
        with translated("housekeeping"):
            async with self._pool.acquire() as connection:
                if not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):
                    return False
                try:
                    await self._drop(connection)
                finally:
                    await connection.fetchval("select pg_advisory_unlock($1)", LOCK)
                return True

    async def _drop(self, connection: "Connection") -> None:
        for day in await self._log_days(connection):
            log.info("log_day_dropped", day=str(day))
        for size, age in ages(self._settings).items():
            await _drop_windows(connection, size, age)
        await connection.execute(_OLD_SIGN_INS)
        await self._search.retain(self._settings.search_days)

    async def _log_days(self, connection: "Connection") -> list[date]:
        days = self._settings.retention_days
        if isinstance(self._log, PostgresLog):
            return await self._log.retain(days)
        # Kafka deletes its own records by retention.ms; the tables may hold those of a generation before it.
        async with connection.transaction():
            return await drop_days(connection, days)


async def _drop_windows(connection: "Connection", size: int, age: int) -> None:
    """Delete the windows of one size that are older than ``age`` s, by chunks."""
    dropped, last = 0, CHUNK
    while last == CHUNK:
        last = int((await connection.execute(_OLD_WINDOWS, size, age, CHUNK)).rpartition(" ")[2])
        dropped += last
        await asyncio.sleep(PAUSE_SECONDS)
    if dropped:
        log.info("windows_dropped", size=size, rows=dropped)


@asynccontextmanager
async def keeping(settings: Settings, records: AnyLog) -> AsyncIterator[None]:
    """Keep house while the block runs; ``settings.database_url`` names a server that is reached without a start."""
    async with (
        make_pool(settings.database_url, max_size=2) as pool,
        open_search(settings, pool) as search,
        beside(Housekeeping(settings, pool, records, search).run()),
    ):
        yield
