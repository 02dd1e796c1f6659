"""Durable tables: state by partition whose changelog in the log is written first, and whose local copy follows it.

The order is the whole point: changelog records acknowledged, then one local write with the values and the changelog's
offset. A local copy is never ahead of its changelog, so whoever takes the partition over finds all that was committed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from time import time
from typing import Final

import msgspec

from app.log.batch import Claim
from app.log.contract import Log, LogUnavailable, NewRecord, Record
from app.state.rocksdb import Memory, Store

Read = Callable[[bytes], bytes | None]
Localise = Callable[[Read, bytes, bytes | None], Iterable[tuple[bytes, bytes | None]]]
"""(read local, changelog key, changelog value) -> local writes. Pure; used on stage and on recovery alike, so that
"greatest version wins" and its like hold wherever a record comes from. Applied twice it must change nothing more."""

RECOVERY_RECORDS: Final = 2000
RECOVERY_BYTES: Final = 4 << 20

OPEN_TRIES: Final = 50
OPEN_SECONDS: Final = 0.1
"""A worker that lost its partitions may still be closing its copy on this machine: wait 5 s for it, then end."""

working_claim: ContextVar[Claim | None] = ContextVar("working_claim", default=None)
"""The claim under which the present task works on a batch; None outside of agents."""


class Revoked(Exception):
    """The partition is no longer this owner's: what is under way for it must be dropped, not acknowledged."""


class UnknownOutcome(Exception):
    """A changelog append may or may not be in the log: a later retry could undo a successor's work. Fatal."""


def identity(_: Read, key: bytes, value: bytes | None) -> Iterable[tuple[bytes, bytes | None]]:
    """Keep each changelog record as it is, the last one of a key winning."""
    return ((key, value),)


class _Staged(msgspec.Struct):
    value: bytes | None
    headers: Mapping[str, bytes]


class _Shard(msgspec.Struct, eq=False):
    """One claimed partition: its local copy, what is to be sent, and what will be written locally after that."""

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
    """Bytes by bytes, by explicit partition. One agent works on a partition at a time."""

    def __init__(self, name: str, changelog: str, *, localise: Localise = identity) -> None:
        """Take the table's name, its changelog's name in the log, and how a changelog record becomes local writes."""
        self.name = name
        self.changelog = changelog
        self._localise = localise
        self._shards: dict[int, _Shard] = {}
        self._log: Log | None = None
        self._opener: Callable[[int], Store] | None = None

    def attach(self, log: Log, directory: Path, memory: Memory, log_id: str) -> None:
        """Connect the table to its log and to the folder of its local copies, before partitions are opened."""
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
        """Let go of a partition; what was staged and not flushed is dropped."""
        shard = self._shards.pop(partition, None)
        if shard is not None:
            shard.store.close()

    async def _open_store(self, partition: int) -> Store:
        if self._opener is None:
            raise RuntimeError(f"table {self.name}: attach comes first")
        for _ in range(OPEN_TRIES):
            try:
                return self._opener(partition)
            except OSError:
                await asyncio.sleep(OPEN_SECONDS)
        return self._opener(partition)

    async def _recover(self, partition: int, store: Store) -> int:
        """Apply what the changelog holds beyond the local copy; give the offset up to which it is then complete."""
        end = (await self._living_log().bounds(self.changelog))[partition].end
        applied = -1 if store.offset is None else store.offset
        if applied >= end:
            store.clear()  # the log was put back to an earlier state: this copy is of one that never was
            applied = -1
        async for records in self._changes(partition, applied + 1, end):
            self._apply(store, records)
        return end - 1  # compaction may have removed the last records before the end: there is nothing to wait for

    async def _changes(self, partition: int, position: int, end: int) -> AsyncIterator[list[Record]]:
        """Yield what the changelog still holds of ``[position, end)``, some records at a time."""
        log = self._living_log()
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
        """Return a value: what was staged, else the local copy's. Raises Revoked."""
        return self._shard(partition).read(key)

    def read_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return values like ``read``, with one read of the local copy. Raises Revoked."""
        shard = self._shard(partition)
        values = shard.store.get_many(keys)
        if shard.local:
            return [shard.local.get(key, value) for key, value in zip(keys, values, strict=True)]
        return values

    def scan(self, partition: int, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield what the local copy (without what is staged) holds under a prefix, in key order. Raises Revoked."""
        return self._shard(partition).store.scan(prefix)

    # -- writing ----------------------------------------------------------------------------------------------------

    def stage(
        self, partition: int, key: bytes, value: bytes | None, *, headers: Mapping[str, bytes] | None = None
    ) -> None:
        """Put a changelog record (None deletes its key) into the next flush; its local writes can be read at once."""
        shard = self._shard(partition)
        shard.staged[key] = _Staged(value, headers or {})
        shard.local.update(self._localise(shard.read, key, value))

    def stage_local(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Put a local write without a changelog record into the next flush."""
        shard = self._shard(partition)
        shard.local[key] = shard.only_local[key] = value

    def discard(self, partition: int) -> None:
        """Drop what is staged: the batch that it came from starts again."""
        shard = self._shards.get(partition)
        if shard is not None:
            shard.staged, shard.local, shard.only_local = {}, {}, {}

    async def flush(self, partition: int) -> None:
        """Append what is staged to the changelog, then write the local copy. On an error what is staged stays.

        Raises Revoked, UnknownOutcome, and what the log refuses with (LogFull, LogSealed, RecordTooLarge).
        """
        shard = self._shard(partition)
        offset = None
        if shard.staged:
            offsets = await self._append(partition, shard)
            self._refuse_moved(partition, shard)
            offset = max(offsets)
            if offset - shard.applied != len(offsets):
                await self._catch_up(partition, shard, offsets)
        if shard.local or offset is not None:
            shard.store.write(shard.local, offset)
        shard.applied = shard.applied if offset is None else offset
        shard.staged, shard.local, shard.only_local = {}, {}, {}

    async def _catch_up(self, partition: int, shard: _Shard, offsets: Sequence[int]) -> None:
        """Take in what others (a zombie, a successor) appended before or among our records.

        What is written locally says that it is complete up to our offsets: without theirs a later takeover from this
        copy would not know of them. What of ours a later record of theirs compacted away already comes last.
        """
        ours, seen = set(offsets), set[int]()
        async for records in self._changes(partition, shard.applied + 1, max(offsets) + 1):
            self._refuse_moved(partition, shard)
            self._apply(shard.store, records)
            seen |= {record.offset for record in records} & ours
        self._refuse_moved(partition, shard)
        shard.local = {}
        for offset, (key, staged) in zip(offsets, shard.staged.items(), strict=True):
            if offset not in seen:
                shard.local.update(self._localise(shard.read, key, staged.value))
        shard.local.update(shard.only_local)

    def _refuse_moved(self, partition: int, shard: _Shard) -> None:
        if self._shards.get(partition) is not shard:
            raise Revoked(f"{self.name}: partition {partition} went to another owner during a flush")

    async def _append(self, partition: int, shard: _Shard) -> list[int]:
        stamp = int(time() * 1000)
        records = [
            NewRecord(self.changelog, partition, key, staged.value, staged.headers, stamp)
            for key, staged in shard.staged.items()
        ]
        try:
            return await self._living_log().append(records)
        except LogUnavailable as error:
            raise UnknownOutcome(f"{self.name}: a flush of partition {partition}: {error}") from error

    def _shard(self, partition: int) -> _Shard:
        shard = self._shards.get(partition)
        claim = working_claim.get()
        if shard is None or (claim is not None and claim.partition == partition and claim.epoch != shard.epoch):
            raise Revoked(f"{self.name}: partition {partition} is not claimed, or was claimed anew")
        return shard

    def _living_log(self) -> Log:
        if self._log is None:
            raise RuntimeError(f"table {self.name}: attach comes first")
        return self._log
