"""Writes the archive: each batch is durable as an object when ``store`` returns; small objects are merged.

If the process dies between two steps, the next owner of the source repairs what is left: the listing tells which
offsets are covered, the catalogue is reconciled with it, and objects that a larger one contains are deleted
(EXACTNESS.md, "Archive").
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import structlog

from app.files.catalogue import Catalogue, ObjectEntry, reconcile
from app.files.names import OffsetSpan, name_of, parse_name, prefix_of, without_contained
from app.files.objects import load_index
from app.files.pack import OffsetGap, Packer, TornObject, read_index
from app.files.prepare import prepare
from app.files.tiers import choose
from app.records import Processed
from app.stores.objects.contract import ObjectStore
from app.topics import Source

LogStart = Callable[[Source], Awaitable[int]]
"""Returns the first offset of a source that its log still has."""

_log: Final = structlog.get_logger(__name__)


class ArchiveGap(Exception):
    """Offsets that the log still has would be missing from the archive: an agent before it lost a batch."""

    code: Final = "archive_gap"


@dataclass
class _SourceState:
    """The archive of one source: the last offset covered, and the small objects at its end, oldest first."""

    covered: int | None = None
    tail: list[ObjectEntry] = field(default_factory=list)


class Archiver:
    """Archives the batches of ``processed``. One a process; concurrent calls have no source in common.

    An object of ``object_bytes`` or more is not merged any more.
    """

    def __init__(self, blobs: ObjectStore, catalogue: Catalogue, log_start: LogStart, object_bytes: int) -> None:
        self._blobs = blobs
        self._catalogue = catalogue
        self._log_start = log_start
        self._limit = object_bytes
        self._states: dict[Source, tuple[Hashable, _SourceState]] = {}

    async def store(self, batches: Sequence[Processed], claim: Hashable = None, *, lost: bool = False) -> None:
        """Archive batches, durable on return. Offsets that the archive has are skipped: a redelivery adds nothing.

        Args:
            batches: Records of ``processed``, in the order of offsets of each source.
            claim: The claim of their partition. With a new one the source is listed again: others may have written.
            lost: Whether retention deleted batches before these; a gap is then logged and is no error.

        Raises:
            StoreUnavailable: The same call may be repeated.
            ArchiveGap: Offsets that the log still has are missing.
        """
        by_source: dict[Source, list[Processed]] = {}
        for batch in batches:
            if batch.first <= batch.last:
                by_source.setdefault(Source(batch.topic, batch.partition), []).append(batch)
        for source, of_source in by_source.items():
            try:
                state = await self._state(source, claim)
                await self._store(source, state, of_source, lost=lost)
            except BaseException:
                self._states.pop(source, None)  # which step was reached is unknown: list the source again
                raise

    async def _state(self, source: Source, claim: Hashable) -> _SourceState:
        known = self._states.get(source)
        if known is None or known[0] != claim:
            known = self._states[source] = (claim, await self._load(source))
        return known[1]

    async def _store(self, source: Source, state: _SourceState, batches: Sequence[Processed], *, lost: bool) -> None:
        packer: Packer | None = None
        covered = state.covered
        for batch in batches:
            if covered is not None and batch.last <= covered:
                continue
            if covered is not None and batch.first > covered + 1:
                await self._check_gap(source, OffsetGap(covered + 1, batch.first), lost=lost)
                await self._put(source, state, packer)
                packer, state.tail = None, []  # an object never spans a gap
                covered = batch.first - 1
            packer = packer or Packer(source, batch.first if covered is None else covered + 1)
            packer.add(OffsetSpan(batch.first, batch.last), batch.blocks)
            covered = batch.last
        await self._put(source, state, packer)
        await self._merge(source, state)

    async def _check_gap(self, source: Source, gap: OffsetGap, *, lost: bool) -> None:
        """Log a gap that retention explains. Raises ArchiveGap for any other."""
        if not lost and await self._log_start(source) <= gap.expected:
            raise ArchiveGap(f"{source.topic}/{source.partition}: {gap} from the archive, and the log has them")
        _log.error(
            "archive_gap",
            topic=source.topic,
            partition=source.partition,
            first=gap.expected,
            last=gap.received - 1,
        )

    async def _put(self, source: Source, state: _SourceState, packer: Packer | None) -> None:
        if packer is None:
            return
        data = packer.finish()
        entry = ObjectEntry(packer.span, len(data))
        await self._blobs.put(name_of(source, entry.span), data)
        await self._catalogue.replace(source, [entry])
        state.covered = entry.span.last
        state.tail = [*state.tail, entry] if entry.nbytes < self._limit else []

    async def _merge(self, source: Source, state: _SourceState) -> None:
        """Merge small objects while there are many; skip what another writer has merged first."""
        while run := choose([entry.nbytes for entry in state.tail], self._limit):
            old = state.tail[run.start : run.stop]
            try:
                merged = await self._merge_run(source, old)
            except (FileNotFoundError, TornObject, OffsetGap) as error:
                _log.warning("archive_merge_skipped", topic=source.topic, partition=source.partition, error=str(error))
                state.tail = []
                return
            # A merged object that reached the limit is closed, and so is all before it.
            before = [] if merged.nbytes >= self._limit else [*state.tail[: run.start], merged]
            state.tail = [*before, *state.tail[run.stop :]]

    async def _merge_run(self, source: Source, old: Sequence[ObjectEntry]) -> ObjectEntry:
        """Write one object that contains ``old``, then delete those."""
        packer = Packer(source, old[0].span.first)
        for entry in old:
            data = await self._blobs.get(name_of(source, entry.span), 0, entry.nbytes)
            await asyncio.to_thread(_add, packer, data)
        data = await asyncio.to_thread(packer.finish)
        merged = ObjectEntry(packer.span, len(data))
        await self._blobs.put(name_of(source, merged.span), data)
        await self._catalogue.replace(source, [merged], [entry.span for entry in old])
        for entry in old:
            await self._blobs.delete(name_of(source, entry.span))
        return merged

    async def _load(self, source: Source) -> _SourceState:
        """List a source's objects and repair what a killed writer left.

        A folder that was moved away would list nothing, and the repair would empty the catalogue: checked before.
        """
        await prepare(self._blobs, self._catalogue)
        names = [name async for name in self._blobs.list(prefix_of(source))]
        parsed = [source_and_span for source_and_span in map(parse_name, names) if source_and_span is not None]
        entries = await reconcile(self._blobs, self._catalogue, source, [span for _, span in parsed])
        needed = without_contained(entries)
        for span in sorted(set(entries) - set(needed)):
            await self._delete_contained(source, span, needed)
        tail: list[ObjectEntry] = []
        for span in reversed(needed):
            if entries[span].nbytes >= self._limit or (tail and span.last + 1 < tail[0].span.first):
                break
            tail.insert(0, entries[span])
        return _SourceState(needed[-1].last if needed else None, tail)

    async def _delete_contained(self, source: Source, span: OffsetSpan, needed: Sequence[OffsetSpan]) -> None:
        """Delete an object that another one contains, as after a merge that was cut short."""
        container = next(other for other in needed if other.first <= span.first and span.last <= other.last)
        with suppress(TornObject, FileNotFoundError):  # keep the object where its container cannot be read
            await load_index(self._blobs, name_of(source, container))
            await self._catalogue.replace(source, [], [span])
            await self._blobs.delete(name_of(source, span))


def _add(packer: Packer, data: bytes) -> None:
    packer.add_object(read_index(data), memoryview(data))
