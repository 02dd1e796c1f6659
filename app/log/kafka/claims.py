"""What workers on Kafka ask PostgreSQL for: what makes the epochs of their claims, and one clock for all of them."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from app.log.contract import LogUnavailable
from app.log.postgres.connect import connect, translated
from app.log.postgres.members import NOW

if TYPE_CHECKING:
    from app.log.postgres.connect import Connection

NUMBER: Final = "select nextval('log_claims')"
CLAIMS_BITS: Final = 20
"""Claims that one member makes at most, before it needs another number: a million; 43 bits are left for members."""

ANSWER_SECONDS: Final = 3.0


class Claims:
    """One connection, made anew after it was lost."""

    def __init__(self, url: str) -> None:
        """Take the database; nothing is connected yet."""
        self._url = url
        self._connection: Connection | None = None
        self._lock = asyncio.Lock()
        self._epochs: Iterator[int] = iter(())

    async def prepare(self) -> None:
        """Get what epochs are made of, so that taking partitions over needs no PostgreSQL. Raises LogUnavailable."""
        [number] = await self._fetch(NUMBER)
        self._epochs = iter(range(number << CLAIMS_BITS, (number + 1) << CLAIMS_BITS))

    async def epochs(self, numbers: Iterable[int]) -> dict[int, int]:
        """Give each of these partition numbers an epoch that was never given before. Raises LogUnavailable.

        Which of two claims came first they do not tell: a changelog key is of one claim, and that is all they are for.
        """
        given: dict[int, int] = {}
        for number in sorted(numbers):
            epoch = next(self._epochs, None)
            if epoch is None:
                await self.prepare()
                epoch = next(self._epochs)
            given[number] = epoch
        return given

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
