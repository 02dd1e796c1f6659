"""Shared by the tests of the archive: batches of a source in any cut, and a store whose writer is killed on demand."""

from collections.abc import AsyncIterator

import zstandard

from app.model import Facts
from app.records import PROCESSED_SCHEMA, Block, Processed, Stored, encode_stored
from app.stores.objects.contract import ObjectStore


class Killed(BaseException):
    """Stands for kill -9: nothing after it runs."""


def stored(offset: int) -> Stored:
    facts = Facts(project=7, kind="sentry", category="error", event_id=f"{offset:032x}", received=1_000_000 + offset)
    return Stored(offset, facts, f'{{"event": {offset}, "text": "{offset * 7919:x}"}}'.encode() * (offset % 4 + 1))


def has_report(offset: int) -> bool:
    """Return whether the offset has a report: every sixth is a duplicate."""
    return offset % 6 != 4


def reports(first: int, last: int) -> list[Stored]:
    return [stored(offset) for offset in range(first, last + 1) if has_report(offset)]


def processed(first: int, last: int, *, topic: str = "1.crashes", partition: int = 0, per_block: int = 3) -> Processed:
    stored_reports = reports(first, last)
    blocks = [_block(stored_reports[at : at + per_block]) for at in range(0, len(stored_reports), per_block)]
    return Processed(
        schema=PROCESSED_SCHEMA, topic=topic, partition=partition, first=first, last=last, received=1_000_000 + last,
        summaries=[], blocks=blocks,
    )  # fmt: skip


def _block(stored_reports: list[Stored]) -> Block:
    data = zstandard.ZstdCompressor(level=3).compress(encode_stored(stored_reports))
    return Block(stored_reports[0].offset, stored_reports[-1].offset, len(stored_reports), data)


class FailingBlobs:
    """An object store whose writer is killed before change number ``kill_at``, from 0; put and delete are changes."""

    def __init__(self, blobs: ObjectStore, kill_at: int) -> None:
        self.left = kill_at
        self.get, self.size, self.list, self.ping = blobs.get, blobs.size, blobs.list, blobs.ping
        self._blobs = blobs

    async def put(self, name: str, data: bytes) -> None:
        """Put, unless killed before."""
        self._change()
        await self._blobs.put(name, data)

    async def delete(self, name: str) -> None:
        """Delete, unless killed before."""
        self._change()
        await self._blobs.delete(name)

    def _change(self) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1


async def flatten(stream: AsyncIterator[list[Stored]]) -> list[Stored]:
    return [report async for part in stream for report in part]
