"""Helpers of the archive's tests: batches of a source in any cut, and a store that fails on demand."""

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
    """Every sixth offset was a duplicate."""
    return offset % 6 != 4


def reports(first: int, last: int) -> list[Stored]:
    return [stored(offset) for offset in range(first, last + 1) if has_report(offset)]


def processed(a: int, b: int, *, topic: str = "1.crashes", partition: int = 0, per_block: int = 3) -> Processed:
    kept = reports(a, b)
    blocks = [_block(kept[at : at + per_block]) for at in range(0, len(kept), per_block)]
    return Processed(PROCESSED_SCHEMA, topic, partition, a, b, 1_000_000 + b, [], blocks)


def _block(kept: list[Stored]) -> Block:
    data = zstandard.ZstdCompressor(level=3).compress(encode_stored(kept))
    return Block(kept[0].offset, kept[-1].offset, len(kept), data)


class FailingBlobs:
    """A store whose writer is killed before its n-th change (put or delete)."""

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
