"""What workers on Kafka ask PostgreSQL for: the epochs of their claims, and one clock for all of them."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from app.log.connect import connect, translated
from app.log.contract import LogUnavailable
from app.log.members import NOW

if TYPE_CHECKING:
    from app.log.connect import Connection

EPOCHS: Final = "select nextval('log_claims') from generate_series(1, $1::int)"
ANSWER_SECONDS: Final = 3.0


class Claims:
    """One connection, made anew after it was lost."""

    def __init__(self, url: str) -> None:
        """Take the database; nothing is connected yet."""
        self._url = url
        self._connection: Connection | None = None
        self._lock = asyncio.Lock()

    async def epochs(self, numbers: Iterable[int]) -> dict[int, int]:
        """Give each of these partition numbers an epoch that is greater than all given before. Raises LogUnavailable.

        It is taken after the group gave the partitions to this member, so a later owner's is always greater.
        """
        wanted = sorted(numbers)
        return dict(zip(wanted, await self._fetch(EPOCHS, len(wanted)), strict=True))

    async def now(self) -> int:
        """Give the server's time in ms: workers whose own clocks differ must not. Raises LogUnavailable."""
        [now] = await self._fetch(NOW)
        return now

    async def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _fetch(self, query: str, *args: object) -> list[int]:
        async with self._lock:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    if self._connection is None or self._connection.is_closed():
                        self._connection = await connect(self._url)
                    with translated():
                        return [row[0] for row in await self._connection.fetch(query, *args)]
            except (LogUnavailable, TimeoutError) as error:
                with suppress(LogUnavailable):
                    await self.close()
                raise LogUnavailable(f"PostgreSQL, for claims: {error}") from error
