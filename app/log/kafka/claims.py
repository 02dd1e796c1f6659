"""The epochs of claims and the common clock of workers on Kafka; both come from PostgreSQL."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from app.log.contract import LogUnavailable
from app.log.postgres.connect import connect, translated
from app.log.postgres.members import NOW

if TYPE_CHECKING:
    from app.postgres import Connection

NUMBER: Final = "select nextval('log_claims')"
CLAIMS_BITS: Final = 20
"""A member makes at most 2^20 claims with one number of the sequence; 43 bits are left for the numbers."""

ANSWER_SECONDS: Final = 3.0


class Claims:
    """Hands out epochs and the time over one connection, which is opened on first use and again after it was lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None
        self._lock = asyncio.Lock()
        self._epochs: Iterator[int] = iter(())

    async def prepare(self) -> None:
        """Reserve a range of epochs, so that taking partitions over needs no PostgreSQL. Raises LogUnavailable."""
        [number] = await self._fetch(NUMBER)
        self._epochs = iter(range(number << CLAIMS_BITS, (number + 1) << CLAIMS_BITS))

    async def epochs(self, numbers: Iterable[int]) -> dict[int, int]:
        """Return for each of these partition numbers an epoch that no other claim has. Raises LogUnavailable.

        Epochs do not order claims: they only keep the changelog keys of different claims apart.
        """
        epochs: dict[int, int] = {}
        for number in sorted(numbers):
            epoch = next(self._epochs, None)
            if epoch is None:
                await self.prepare()
                epoch = next(self._epochs)
            epochs[number] = epoch
        return epochs

    async def now(self) -> int:
        """Return PostgreSQL's time in ms: workers whose own clocks differ must agree. Raises LogUnavailable."""
        [now] = await self._fetch(NOW)
        return now

    async def close(self) -> None:
        """Close the connection."""
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
