"""Reads the archive: one report by its address, or all reports of a range of offsets for replay."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import structlog

from app.files.cache import ByteCache
from app.files.catalogue import Catalogue, Entry
from app.files.names import Span, in_line, name_of
from app.files.objects import load_blocks, load_index
from app.files.pack import Index, Row, TornObject
from app.model import Address
from app.records import Stored
from app.stores.errors import StoreUnavailable
from app.stores.objects.contract import ObjectStore
from app.topics import Source

if TYPE_CHECKING:
    from app.postgres import Pool

STREAM_BYTES: Final = 4 << 20
"""Packed bytes that a stream reads at once."""

LOOKS: Final = 3
"""How often to look again where an object went (merged into a larger one) between catalogue and read."""

_log: Final = structlog.get_logger(__name__)


class ObjectArchive:
    """``app.stores.objects.contract.Archive`` over packed objects; keeps indexes in memory up to a number of bytes."""

    def __init__(self, blobs: ObjectStore, pool: "Pool", cache_bytes: int) -> None:
        """Take where objects and their catalogue are, and how many bytes of indexes to keep."""
        self._blobs = blobs
        self._catalogue = Catalogue(pool)
        self._indexes: ByteCache[Index] = ByteCache(cache_bytes)

    async def read(self, address: Address) -> Stored | None:
        """Give the report at an address, None where the archive does not have it (yet). Raises StoreUnavailable."""
        source = Source(address.topic, address.partition)
        for _ in range(LOOKS):
            entries = await self._catalogue.covering(source, address.offset)
            for entry in entries:
                try:
                    return await self._read(source, entry, address.offset)
                except (FileNotFoundError, TornObject) as error:
                    self._forget(source, entry, error)
            if not entries:
                return None
        raise StoreUnavailable(f"archive: the object of {address.topic}/{address.partition} cannot be read")

    async def stream(self, topic: str, partition: int, first: int, last: int) -> AsyncIterator[list[Stored]]:
        """Yield the reports of offsets ``first``..``last`` in order, each once; ``gaps`` tells what is missing.

        Raises StoreUnavailable.
        """
        source, at = Source(topic, partition), first
        failures: Counter[Span] = Counter()
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

    async def gaps(self, topic: str, partition: int, first: int, last: int) -> list[Span]:
        """Give the offsets of ``first``..``last`` that no object covers. Raises StoreUnavailable."""
        entries = await self._catalogue.across(Source(topic, partition), first, last)
        found, at = list[Span](), first
        for span in in_line(entry.span for entry in entries):
            if span.first > at:
                found.append(Span(at, span.first - 1))
            at = span.last + 1
        return [*found, Span(at, last)] if at <= last else found

    async def _read(self, source: Source, entry: Entry, offset: int) -> Stored | None:
        row = (await self._index(source, entry)).find(offset)
        if row is None:
            return None
        (reports,) = await load_blocks(self._blobs, name_of(source, entry.span), [row])
        return next((report for report in reports if report.offset == offset), None)

    async def _blocks(
        self, source: Source, entry: Entry, first: int, last: int
    ) -> AsyncIterator[tuple[list[Stored], int]]:
        """Yield the reports of an object's blocks that are within a range, with the last offset that each covers."""
        index = await self._index(source, entry)
        for rows in _reads(index.within(first, last)):
            blocks = await load_blocks(self._blobs, name_of(source, entry.span), rows)
            for row, reports in zip(rows, blocks, strict=True):
                yield [report for report in reports if first <= report.offset <= last], row.last

    async def _index(self, source: Source, entry: Entry) -> Index:
        name = name_of(source, entry.span)
        index = self._indexes.get(name)
        if index is None:
            index, _ = await load_index(self._blobs, name)
            self._indexes.put(name, index, index.nbytes)
        return index

    def _forget(self, source: Source, entry: Entry, error: Exception) -> None:
        name = name_of(source, entry.span)
        self._indexes.drop(name)
        _log.warning("archive_object_unreadable", name=name, error=str(error))


def _next(entries: Sequence[Entry], at: int, failures: Counter[Span]) -> Entry | None:
    """Give the object to go on with. Raises StoreUnavailable where the only one that covers ``at`` can't be read."""
    usable = [entry for entry in entries if failures[entry.span] < LOOKS]
    covered = any(entry.span.first <= at for entry in entries)
    if covered and not (usable and usable[0].span.first <= at):
        raise StoreUnavailable(f"archive: no object that covers offset {at} can be read")
    return usable[0] if usable else None


def _reads(rows: list[Row]) -> Iterator[list[Row]]:
    """Cut blocks that lie side by side into reads of at most ``STREAM_BYTES``, or one block."""
    read: list[Row] = []
    for row in rows:
        if read and row.start + row.length - read[0].start > STREAM_BYTES:
            yield read
            read = []
        read.append(row)
    if read:
        yield read
