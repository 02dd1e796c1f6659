"""Batches in work: those of different partitions side by side, those of one partition one after another."""

import asyncio
from collections.abc import Awaitable, Callable

from app.log.batch import Batch


class Lanes:
    """The batches of one agent that are in work, started in ``tasks``.

    Together they have at most ``max_records`` and ``max_bytes``, one full batch, which bounds memory as if batches were
    handled one by one; a larger batch is handled alone. A batch without records counts as one record.
    """

    def __init__(self, tasks: asyncio.TaskGroup, max_records: int, max_bytes: int) -> None:
        self._tasks = tasks
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._records = 0
        self._nbytes = 0
        self._freed = asyncio.Event()
        self._last: dict[int, asyncio.Task[None]] = {}
        """By partition the last batch that was started and has not ended."""

    async def start(self, batch: Batch, work: Callable[[], Awaitable[None]]) -> None:
        """Wait until there is room, then start ``work``, which begins when the partition's batch before has ended."""
        records = max(len(batch), 1)
        while self._records and not self._fits(records, batch.nbytes):
            self._freed.clear()
            await self._freed.wait()
        self._records += records
        self._nbytes += batch.nbytes
        before = self._last.get(batch.partition)
        task = self._tasks.create_task(_after(before, work))
        self._last[batch.partition] = task
        task.add_done_callback(lambda ended: self._end(batch.partition, records, batch.nbytes, ended))

    def _fits(self, records: int, nbytes: int) -> bool:
        return self._records + records <= self._max_records and self._nbytes + nbytes <= self._max_bytes

    def _end(self, partition: int, records: int, nbytes: int, ended: asyncio.Task[None]) -> None:
        self._records -= records
        self._nbytes -= nbytes
        self._freed.set()
        if self._last.get(partition) is ended:
            del self._last[partition]


async def _after(before: asyncio.Task[None] | None, work: Callable[[], Awaitable[None]]) -> None:
    if before is not None:
        await asyncio.wait([before])
    await work()
