"""Reads the archive: one report by its address, or the reports of a range of offsets in order."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog
from cachetools import LRUCache

from app.files.catalogue import Catalogue, ObjectEntry
from app.files.names import OffsetSpan, name_of, without_contained
from app.files.objects import load_blocks, load_index
from app.files.pack import BlockEntry, Index, TornObject
from app.model import Address
from app.records import Stored
from app.stores.errors import StoreUnavailable
from app.stores.objects.contract import ObjectStore
from app.topics import Source

if TYPE_CHECKING:
    from app.postgres import Pool

STREAM_BYTES: Final = 4 << 20
"""Packed bytes that a stream reads by one call: bounds its memory, and is large beside a call's latency."""

ATTEMPTS: Final = 3
"""Reads of the catalogue and of an object, which may be merged into a larger one between the two."""

_log: Final = structlog.get_logger(__name__)


class ObjectArchive:
    """``app.stores.objects.contract.Archive`` over packed objects; caches ``cache_bytes`` of their indexes."""

    def __init__(self, blobs: ObjectStore, pool: "Pool", cache_bytes: int) -> None:
        self._blobs = blobs
        self._catalogue = Catalogue(pool)
        self._indexes: LRUCache[str, Index] = LRUCache(cache_bytes, getsizeof=lambda index: index.nbytes)

    async def read(self, address: Address) -> Stored | None:
        """Return the report at an address, None where the archive does not have it (yet). Raises StoreUnavailable."""
        source = Source(address.topic, address.partition)
        for _ in range(ATTEMPTS):
            entries = await self._catalogue.covering(source, address.offset)
            for entry in entries:
                try:
                    return await self._read(source, entry, address.offset)
                except (FileNotFoundError, TornObject) as error:
                    self._forget(source, entry, error)
            if not entries:
                return None
        raise StoreUnavailable(
            f"archive: no object of {address.topic}/{address.partition}/{address.offset} can be read"
        )

    async def stream(self, topic: str, partition: int, first: int, last: int) -> AsyncIterator[list[Stored]]:
        """Yield the reports of the offsets ``first``..``last`` in order, each once, in lists.

        Missing offsets are skipped; ``gaps`` returns them. Raises StoreUnavailable.
        """
        source, at = Source(topic, partition), first
        failures: Counter[OffsetSpan] = Counter()
        while at <= last:
            entry = _next(await self._catalogue.across(source, at, last), at, failures)
            if entry is None:
                return
            try:
                async for reports, reached in self._blocks(source, entry, at, last):
                    at = reached + 1
                    if reports:
                        yield reports
                at = max(at, entry.span.last + 1)
            except (FileNotFoundError, TornObject) as error:
                self._forget(source, entry, error)
                failures[entry.span] += 1

    async def gaps(self, topic: str, partition: int, first: int, last: int) -> list[OffsetSpan]:
        """Return the offsets of ``first``..``last`` that no object covers. Raises StoreUnavailable."""
        entries = await self._catalogue.across(Source(topic, partition), first, last)
        gaps, at = list[OffsetSpan](), first
        for span in without_contained(entry.span for entry in entries):
            if span.first > at:
                gaps.append(OffsetSpan(at, span.first - 1))
            at = span.last + 1
        return [*gaps, OffsetSpan(at, last)] if at <= last else gaps

    async def _read(self, source: Source, entry: ObjectEntry, offset: int) -> Stored | None:
        block = (await self._index(source, entry)).find(offset)
        if block is None:
            return None
        (reports,) = await load_blocks(self._blobs, name_of(source, entry.span), [block])
        return next((report for report in reports if report.offset == offset), None)

    async def _blocks(
        self, source: Source, entry: ObjectEntry, first: int, last: int
    ) -> AsyncIterator[tuple[list[Stored], int]]:
        """Yield the reports of an object's blocks that are within a range, with the last offset that each covers."""
        index = await self._index(source, entry)
        for blocks in _chunks(index.within(first, last)):
            loaded = await load_blocks(self._blobs, name_of(source, entry.span), blocks)
            for block, reports in zip(blocks, loaded, strict=True):
                yield [report for report in reports if first <= report.offset <= last], block.last

    async def _index(self, source: Source, entry: ObjectEntry) -> Index:
        name = name_of(source, entry.span)
        index = self._indexes.get(name)
        if index is None:
            index, _ = await load_index(self._blobs, name)
            with suppress(ValueError):  # larger than the whole cache
                self._indexes[name] = index
        return index

    def _forget(self, source: Source, entry: ObjectEntry, error: Exception) -> None:
        name = name_of(source, entry.span)
        self._indexes.pop(name, None)
        _log.warning("archive_object_unreadable", name=name, error=str(error))


def _next(entries: Sequence[ObjectEntry], at: int, failures: Counter[OffsetSpan]) -> ObjectEntry | None:
    """Return the object to read next, None at the end.

    Raises StoreUnavailable where every object that covers ``at`` failed ``ATTEMPTS`` times.
    """
    usable = [entry for entry in entries if failures[entry.span] < ATTEMPTS]
    covered = any(entry.span.first <= at for entry in entries)
    if covered and not (usable and usable[0].span.first <= at):
        raise StoreUnavailable(f"archive: no object that covers offset {at} can be read")
    return usable[0] if usable else None


def _chunks(blocks: list[BlockEntry]) -> Iterator[list[BlockEntry]]:
    """Yield runs of adjacent blocks of at most ``STREAM_BYTES``, or of one block."""
    chunk: list[BlockEntry] = []
    for block in blocks:
        if chunk and block.start + block.length - chunk[0].start > STREAM_BYTES:
            yield chunk
            chunk = []
        chunk.append(block)
    if chunk:
        yield chunk
