"""Durable tables: state by partition whose changelog in the log is written first, and whose local copy follows it.

The order is the whole point: changelog records acknowledged, then one local write with the values and the changelog's
offset. A local copy is never ahead of its changelog, so whoever takes the partition over finds all that was committed.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from time import time
from typing import Final

import msgspec

from app.log.batch import Claim
from app.log.contract import Log, LogUnavailable, NewRecord
from tables.store import Memory, Store

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
    staged: dict[bytes, _Staged] = {}
    local: dict[bytes, bytes | None] = {}

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
            await self._recover(partition, store)
        except BaseException:
            store.close()
            raise
        self._shards[partition] = _Shard(store, epoch)

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

    async def _recover(self, partition: int, store: Store) -> None:
        """Apply what the changelog holds beyond the local copy, until there is no more."""
        log = self._living_log()
        end = (await log.bounds(self.changelog))[partition].end
        applied = store.offset
        if applied is not None and applied >= end:
            store.clear()  # the log was put back to an earlier state: this copy is of one that never was
            applied = None
        position = 0 if applied is None else applied + 1
        while records := await log.read(
            self.changelog, partition, position, max_records=RECOVERY_RECORDS, max_bytes=RECOVERY_BYTES
        ):
            shard = _Shard(store, 0)
            for record in records:
                if record.key is not None:
                    shard.local.update(self._localise(shard.read, record.key, record.value))
            store.write(shard.local, records[-1].offset)
            position = records[-1].offset + 1

    # -- reading ----------------------------------------------------------------------------------------------------

    def read(self, partition: int, key: bytes) -> bytes | None:
        """Give a value: what was staged, else the local copy's. Raises Revoked."""
        return self._shard(partition).read(key)

    def read_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """Give values like ``read``, with one read of the local copy. Raises Revoked."""
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
        self._shard(partition).local[key] = value

    def discard(self, partition: int) -> None:
        """Drop what is staged: the batch that it came from starts again."""
        shard = self._shards.get(partition)
        if shard is not None:
            shard.staged, shard.local = {}, {}

    async def flush(self, partition: int) -> None:
        """Append what is staged to the changelog, then write the local copy. On an error what is staged stays.

        Raises Revoked, UnknownOutcome, and what the log refuses with (LogFull, LogSealed, RecordTooLarge).
        """
        shard = self._shard(partition)
        offset = None
        if shard.staged:
            offset = await self._append(partition, shard)
            if self._shards.get(partition) is not shard:
                raise Revoked(f"{self.name}: partition {partition} went to another owner during a flush")
        if shard.local or offset is not None:
            shard.store.write(shard.local, offset)
        shard.staged, shard.local = {}, {}

    async def _append(self, partition: int, shard: _Shard) -> int:
        stamp = int(time() * 1000)
        records = [
            NewRecord(self.changelog, partition, key, staged.value, staged.headers, stamp)
            for key, staged in shard.staged.items()
        ]
        try:
            return max(await self._living_log().append(records))
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
