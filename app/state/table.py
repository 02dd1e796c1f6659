"""Durable tables: state by partition, written to a changelog in the log first and to a local copy second.

The changelog records are acknowledged before one local write stores the values and the changelog's offset. A local
copy is never ahead of its changelog, so that the next owner of the partition finds all that was committed
(EXACTNESS.md, "State of dedup and sessions").
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from time import time
from typing import ClassVar, Final

import msgspec

from app.errors import FatalError
from app.log.batch import Claim
from app.log.contract import Log, LogUnavailable, NewRecord, Record
from app.state.rocksdb import Memory, Store
from tables.spec import Localise, identity

RECOVERY_RECORDS: Final = 2000
RECOVERY_BYTES: Final = 4 << 20

OPEN_TRIES: Final = 50
OPEN_SECONDS: Final = 0.1
"""A worker that lost its partitions may still have its copy open on this machine: wait 5 s for it, then fail."""

working_claim: ContextVar[Claim | None] = ContextVar("working_claim", default=None)
"""The claim under which the present task works on a batch; None outside of agents."""


class Revoked(Exception):
    """Another owner has the partition: the batch in work must be dropped, not acknowledged."""


class UnknownOutcome(FatalError):
    """A changelog append may or may not be in the log: a later retry could undo a successor's work."""

    code: ClassVar[str] = "unknown_outcome"


class _Staged(msgspec.Struct):
    value: bytes | None
    headers: Mapping[str, bytes]


class _Shard(msgspec.Struct, eq=False):
    """One claimed partition: its local copy, the staged changelog records, and the local writes that follow them."""

    store: Store
    epoch: int
    applied: int
    """Every changelog record up to this offset is in the local copy, whoever wrote it; -1 for none."""
    staged: dict[bytes, _Staged] = {}
    local: dict[bytes, bytes | None] = {}
    only_local: dict[bytes, bytes | None] = {}

    def read(self, key: bytes) -> bytes | None:
        return self.local[key] if key in self.local else self.store.get(key)


class DurableTable:
    """A map of bytes to bytes for each partition; one agent works on a partition at a time.

    ``changelog`` is the topic's name in the log; ``localise`` returns the local writes of a changelog record.
    """

    def __init__(self, name: str, changelog: str, *, localise: Localise = identity) -> None:
        self.name = name
        self.changelog = changelog
        self._localise = localise
        self._shards: dict[int, _Shard] = {}
        self._log: Log | None = None
        self._opener: Callable[[int], Store] | None = None

    def attach(self, log: Log, directory: Path, memory: Memory, log_id: str) -> None:
        """Set the table's log and the folder of its local copies, before partitions are opened."""
        self._log = log
        self._opener = lambda partition: Store(directory / self.name / f"{partition}.rocksdb", memory, log_id)

    # -- partitions -------------------------------------------------------------------------------------------------

    async def open(self, partition: int, epoch: int) -> None:
        """Bring the local copy of a claimed partition up to the end of its changelog. Raises OSError, LogError."""
        store = await self._open_store(partition)
        try:
            applied = await self._recover(partition, store)
        except BaseException:
            store.close()
            raise
        self._shards[partition] = _Shard(store, epoch, applied)

    def close(self, partition: int) -> None:
        """Close a partition; what was staged and not flushed is dropped."""
        shard = self._shards.pop(partition, None)
        if shard is not None:
            shard.store.close()

    async def _open_store(self, partition: int) -> Store:
        if self._opener is None:
            raise RuntimeError(f"table {self.name} is not attached to a log")
        for _ in range(OPEN_TRIES):
            try:
                return self._opener(partition)
            except OSError:
                await asyncio.sleep(OPEN_SECONDS)
        return self._opener(partition)

    async def _recover(self, partition: int, store: Store) -> int:
        """Apply the changelog beyond the local copy; return the offset up to which the copy is then complete."""
        end = (await self._attached_log().bounds(self.changelog))[partition].end
        applied = -1 if store.offset is None else store.offset
        if applied >= end:
            store.clear()  # the log was restored to an earlier state: this copy is of a history that is gone
            applied = -1
        async for records in self._changes(partition, applied + 1, end):
            self._apply(store, records)
        return end - 1  # compaction may have removed the last records before the end: none is waited for

    async def _changes(self, partition: int, position: int, end: int) -> AsyncIterator[list[Record]]:
        """Yield the records that the changelog still holds of ``[position, end)``, some at a time."""
        log = self._attached_log()
        while position < end:
            records = await log.read(
                self.changelog, partition, position, max_records=RECOVERY_RECORDS, max_bytes=RECOVERY_BYTES
            )
            records = [record for record in records if record.offset < end]
            if not records:
                return
            yield records
            position = records[-1].offset + 1

    def _apply(self, store: Store, records: Sequence[Record]) -> None:
        shard = _Shard(store, 0, -1)
        for record in records:
            if record.key is not None:
                shard.local.update(self._localise(shard.read, record.key, record.value))
        store.write(shard.local, records[-1].offset)

    # -- reading ----------------------------------------------------------------------------------------------------

    def read(self, partition: int, key: bytes) -> bytes | None:
        """Return the staged value of a key, else the local copy's. Raises Revoked."""
        return self._shard(partition).read(key)

    def read_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return values as ``read`` does, with one read of the local copy. Raises Revoked."""
        shard = self._shard(partition)
        values = shard.store.get_many(keys)
        if shard.local:
            return [shard.local.get(key, value) for key, value in zip(keys, values, strict=True)]
        return values

    def scan(self, partition: int, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield keys under a prefix with their values, in key order, from the local copy alone. Raises Revoked."""
        return self._shard(partition).store.scan(prefix)

    # -- writing ----------------------------------------------------------------------------------------------------

    def stage(
        self, partition: int, key: bytes, value: bytes | None, *, headers: Mapping[str, bytes] | None = None
    ) -> None:
        """Add a changelog record (None deletes its key) to the next flush; its local writes can be read at once."""
        shard = self._shard(partition)
        shard.staged[key] = _Staged(value, headers or {})
        shard.local.update(self._localise(shard.read, key, value))

    def stage_local(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Add a local write without a changelog record to the next flush."""
        shard = self._shard(partition)
        shard.local[key] = shard.only_local[key] = value

    def discard(self, partition: int) -> None:
        """Drop what is staged: the batch that staged it is handled again."""
        shard = self._shards.get(partition)
        if shard is not None:
            shard.staged, shard.local, shard.only_local = {}, {}, {}

    async def flush(self, partition: int, published: Sequence[NewRecord] = ()) -> None:
        """Append what is staged to the changelog, then write the local copy. On an error what is staged stays.

        ``published`` are records of other topics that must be durable before the state is: they are appended first, or
        in the same append where the log is atomic. Raises Revoked, UnknownOutcome, the log's refusals (LogFull,
        LogSealed, RecordTooLarge), and LogUnavailable where only ``published`` may be in the log.
        """
        shard = self._shard(partition)
        offset = None
        if shard.staged:
            offsets = await self._append(partition, shard, published)
            self._refuse_moved(partition, shard)
            offset = max(offsets)
            if offset - shard.applied != len(offsets):
                await self._catch_up(partition, shard, offsets)
        elif published:
            await self._attached_log().append(published)
            self._refuse_moved(partition, shard)
        if shard.local or offset is not None:
            shard.store.write(shard.local, offset)
        shard.applied = shard.applied if offset is None else offset
        shard.staged, shard.local, shard.only_local = {}, {}, {}

    async def _catch_up(self, partition: int, shard: _Shard, offsets: Sequence[int]) -> None:
        """Apply the records that others (a zombie, a successor) appended before or among our own.

        The local write that follows marks the copy as complete up to our offsets: without the others' records a later
        recovery from this copy would miss them. Those of our own that compaction has already removed are applied last.
        """
        own, seen = set(offsets), set[int]()
        async for records in self._changes(partition, shard.applied + 1, max(offsets) + 1):
            self._refuse_moved(partition, shard)
            self._apply(shard.store, records)
            seen |= {record.offset for record in records} & own
        self._refuse_moved(partition, shard)
        shard.local = {}
        for offset, (key, staged) in zip(offsets, shard.staged.items(), strict=True):
            if offset not in seen:
                shard.local.update(self._localise(shard.read, key, staged.value))
        shard.local.update(shard.only_local)

    def _refuse_moved(self, partition: int, shard: _Shard) -> None:
        if self._shards.get(partition) is not shard:
            raise Revoked(f"table {self.name}: partition {partition} was claimed anew during a flush")

    async def _append(self, partition: int, shard: _Shard, published: Sequence[NewRecord]) -> list[int]:
        log, stamp = self._attached_log(), int(time() * 1000)
        records = [
            NewRecord(self.changelog, partition, key, staged.value, staged.headers, stamp)
            for key, staged in shard.staged.items()
        ]
        together = published if log.atomic else ()
        if published and not together:
            await log.append(published)
        try:
            return (await log.append([*together, *records]))[len(together) :]
        except LogUnavailable as error:
            raise UnknownOutcome(
                f"table {self.name}, partition {partition}: {len(records)} changelog records may be in the log: {error}"
            ) from error

    def _shard(self, partition: int) -> _Shard:
        shard = self._shards.get(partition)
        claim = working_claim.get()
        if shard is None or (claim is not None and claim.partition == partition and claim.epoch != shard.epoch):
            raise Revoked(f"table {self.name}: partition {partition} is not claimed, or was claimed anew")
        return shard

    def _attached_log(self) -> Log:
        if self._log is None:
            raise RuntimeError(f"table {self.name} is not attached to a log")
        return self._log
