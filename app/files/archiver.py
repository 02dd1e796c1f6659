"""Writes the archive: each batch durable as an object when ``store`` returns, small objects merged into larger ones.

Any step may be the last one of a killed process. What is left is put right when the source is next taken: the listing
tells what is covered, the catalogue follows it, and objects that a larger one contains are deleted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import structlog

from app.files.catalogue import Catalogue, Entry, reconcile
from app.files.names import Span, in_line, name_of, parse_name, prefix_of
from app.files.objects import load_index
from app.files.pack import Gap, Packer, TornObject, read_index
from app.files.tiers import choose
from app.records import Processed
from app.stores.objects.contract import ObjectStore
from app.topics import Source

LogStart = Callable[[Source], Awaitable[int]]
"""Gives the first offset of a source that its log still has."""

_log: Final = structlog.get_logger(__name__)


class ArchiveHole(Exception):
    """Reports that the log still has would be missing from the archive: something upstream lost a batch."""


@dataclass
class _Line:
    """What the archive has of one source: the last offset covered, and the small objects at its end, oldest first."""

    covered: int | None = None
    tail: list[Entry] = field(default_factory=list)


class Archiver:
    """Stores what agents sent on. One a process; not for use by several tasks at once."""

    def __init__(self, blobs: ObjectStore, catalogue: Catalogue, log_start: LogStart, object_bytes: int) -> None:
        """Take where objects and their catalogue are kept; an object of ``object_bytes`` or more is not merged."""
        self._blobs = blobs
        self._catalogue = catalogue
        self._log_start = log_start
        self._limit = object_bytes
        self._lines: dict[Source, tuple[Hashable, _Line]] = {}

    async def store(self, batches: Sequence[Processed], claim: Hashable = None, *, lost: bool = False) -> None:
        """Make batches durable. Offsets that the archive has are skipped, so that a redelivery adds nothing.

        A new ``claim`` of a source has it looked at anew: others may have written since. ``lost`` says that batches
        before these were deleted by retention: a hole is then reported and no error.
        Raises StoreUnavailable (the same call may be made again) and ArchiveHole.
        """
        by_source: dict[Source, list[Processed]] = {}
        for batch in batches:
            if batch.first <= batch.last:
                by_source.setdefault(Source(batch.topic, batch.partition), []).append(batch)
        for source, wanted in by_source.items():
            try:
                line = await self._line(source, claim)
                await self._store(source, line, wanted, lost=lost)
            except BaseException:
                self._lines.pop(source, None)  # what was reached is unknown: the listing knows
                raise

    async def _line(self, source: Source, claim: Hashable) -> _Line:
        known = self._lines.get(source)
        if known is None or known[0] != claim:
            known = self._lines[source] = (claim, await self._load(source))
        return known[1]

    async def _store(self, source: Source, line: _Line, batches: Sequence[Processed], *, lost: bool) -> None:
        packer: Packer | None = None
        covered = line.covered
        for batch in batches:
            if covered is not None and batch.last <= covered:
                continue
            if covered is not None and batch.first > covered + 1:
                await self._check_hole(source, covered + 1, batch.first, lost=lost)
                await self._put(source, line, packer)
                packer, line.tail = None, []  # an object never spans a hole
                covered = batch.first - 1
            packer = packer or Packer(source, batch.first if covered is None else covered + 1)
            packer.add(Span(batch.first, batch.last), batch.blocks)
            covered = batch.last
        await self._put(source, line, packer)
        await self._merge(source, line)

    async def _check_hole(self, source: Source, expected: int, found: int, *, lost: bool) -> None:
        if not lost and await self._log_start(source) <= expected:
            raise ArchiveHole(f"{source.topic}/{source.partition}: {Gap(expected, found)}, and the log has them still")
        _log.error("archive_hole", topic=source.topic, partition=source.partition, first=expected, last=found - 1)

    async def _put(self, source: Source, line: _Line, packer: Packer | None) -> None:
        if packer is None:
            return
        data = packer.finish()
        entry = Entry(packer.span, len(data))
        await self._blobs.put(name_of(source, entry.span), data)
        await self._catalogue.replace(source, [entry])
        line.covered = entry.span.last
        line.tail = [*line.tail, entry] if entry.nbytes < self._limit else []

    async def _merge(self, source: Source, line: _Line) -> None:
        """Merge small objects while there are many; another writer may have been faster."""
        while run := choose([entry.nbytes for entry in line.tail], self._limit):
            old = line.tail[run.start : run.stop]
            try:
                merged = await self._merge_run(source, old)
            except (FileNotFoundError, TornObject, Gap) as error:
                _log.warning("archive_merge_skipped", topic=source.topic, partition=source.partition, error=str(error))
                line.tail = []
                return
            whole = [] if merged.nbytes >= self._limit else [*line.tail[: run.start], merged]
            line.tail = [*whole, *line.tail[run.stop :]]

    async def _merge_run(self, source: Source, old: Sequence[Entry]) -> Entry:
        packer = Packer(source, old[0].span.first)
        for entry in old:
            data = await self._blobs.get(name_of(source, entry.span), 0, entry.nbytes)
            await asyncio.to_thread(_add, packer, data)
        whole = await asyncio.to_thread(packer.finish)
        merged = Entry(packer.span, len(whole))
        await self._blobs.put(name_of(source, merged.span), whole)
        await self._catalogue.replace(source, [merged], [entry.span for entry in old])
        for entry in old:
            await self._blobs.delete(name_of(source, entry.span))
        return merged

    async def _load(self, source: Source) -> _Line:
        """Find out what the archive has of a source, and put right what a killed writer left."""
        names = [name async for name in self._blobs.list(prefix_of(source))]
        parsed = [found for found in map(parse_name, names) if found is not None]
        entries = await reconcile(self._blobs, self._catalogue, source, [span for _, span in parsed])
        line = in_line(entries)
        for span in sorted(set(entries) - set(line)):
            await self._drop_contained(source, span, line)
        tail: list[Entry] = []
        for span in reversed(line):
            if entries[span].nbytes >= self._limit or (tail and span.last + 1 < tail[0].span.first):
                break
            tail.insert(0, entries[span])
        return _Line(line[-1].last if line else None, tail)

    async def _drop_contained(self, source: Source, span: Span, line: Sequence[Span]) -> None:
        """Delete an object that another one holds all of, as after a merge that was cut short."""
        holder = next(other for other in line if other.first <= span.first and span.last <= other.last)
        with suppress(TornObject, FileNotFoundError):  # a holder that cannot be read holds nothing
            await load_index(self._blobs, name_of(source, holder))
            await self._catalogue.replace(source, [], [span])
            await self._blobs.delete(name_of(source, span))


def _add(packer: Packer, data: bytes) -> None:
    packer.add_object(read_index(data), memoryview(data))
