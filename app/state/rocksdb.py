"""The local copy of one partition of a durable table: RocksDB in bounded memory, with its changelog offset."""

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, cast

from rocksdict import (
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    Options,
    Rdict,
    WriteBatch,
    WriteBufferManager,
)

log = logging.getLogger(__name__)

DATA: Final = b"d"
OFFSET: Final = b"m:offset"
LOG: Final = b"m:log"
"""The table's keys have the prefix DATA; OFFSET holds the changelog offset, LOG the name of the log."""

DAMAGED: Final = "Corruption"
"""How RocksDB's errors begin for files that are not as they were written."""

BLOOM_BITS: Final = 10
BLOCK_BYTES: Final = 4 << 10
WRITE_SHARE: Final = 4
"""The share (one in this many) of the memory that is for write buffers, which are charged to the one cache."""

WRITE_BUFFER_BYTES: Final = 8 << 20
ARENA_BYTES: Final = 64 << 10
OPEN_FILES: Final = 64
WAL_BYTES: Final = 16 << 20


class Memory:
    """The memory of all stores of a process, at most ``megabytes`` MiB: one cache with the write buffers in it."""

    def __init__(self, megabytes: int) -> None:
        size = megabytes << 20
        self.cache = Cache(size)
        self.buffers = WriteBufferManager.new_write_buffer_manager_with_cache(size // WRITE_SHARE, False, self.cache)

    @property
    def used(self) -> int:
        """Bytes of blocks and write buffers now; above the bound only while buffers are written out."""
        return int(self.cache.get_usage())

    def options(self) -> Options:
        """Return the options of one database."""
        blocks = BlockBasedOptions()
        blocks.set_block_cache(self.cache)
        blocks.set_block_size(BLOCK_BYTES)
        blocks.set_bloom_filter(BLOOM_BITS, block_based=False)
        blocks.set_cache_index_and_filter_blocks(True)
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_block_based_table_factory(blocks)
        options.set_write_buffer_manager(self.buffers)
        options.set_compression_type(DBCompressionType.lz4())
        # One database for each partition and table: small blocks keep many nearly empty buffers below the bound.
        options.set_write_buffer_size(WRITE_BUFFER_BYTES)
        options.set_arena_block_size(ARENA_BYTES)
        options.set_max_open_files(OPEN_FILES)
        options.set_max_total_wal_size(WAL_BYTES)
        options.set_max_background_jobs(2)
        options.set_keep_log_file_num(1)
        options.set_stats_dump_period_sec(0)
        return options


class Store:
    """The database at ``path``: the local copy of one partition of a table.

    It survives kill -9 of the process; every write stores the changelog offset that it reflects. A database that comes
    from another log than ``log`` is emptied. Raises OSError while another process has it open.
    """

    def __init__(self, path: Path, memory: Memory, log: str) -> None:
        self._path = path
        self._memory = memory
        self._log = log
        self._db = self._open()
        if self._db.get(LOG) != log.encode():
            self.clear()

    def _open(self) -> Rdict:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return Rdict(str(self._path), self._memory.options())
        except Exception as error:  # rocksdict raises nothing more precise
            if not str(error).startswith(DAMAGED):
                raise OSError(f"cannot open {self._path}: {error}") from error
            log.warning("%s is damaged and is rebuilt from its changelog: %s", self._path, error)
        shutil.rmtree(self._path)
        return Rdict(str(self._path), self._memory.options())

    def clear(self) -> None:
        """Delete everything."""
        self.close()
        with suppress(FileNotFoundError):
            shutil.rmtree(self._path)
        self._db = self._open()
        self._db.put(LOG, self._log.encode())

    @property
    def offset(self) -> int | None:
        """The changelog offset up to which this copy is complete, None for a new one."""
        raw = self._db.get(OFFSET)
        return None if raw is None else int.from_bytes(raw, "big")

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key."""
        value: bytes | None = self._db.get(DATA + key)
        return value

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values of keys, in one read."""
        return cast("list[bytes | None]", self._db.get([DATA + key for key in keys])) if keys else []

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the keys that start with ``prefix``, in order, with their values."""
        start = DATA + prefix
        for key, value in cast("Iterator[tuple[bytes, bytes]]", self._db.items(from_key=start)):
            if not key.startswith(start):
                return
            yield key[len(DATA) :], value

    def write(self, items: Mapping[bytes, bytes | None], offset: int | None) -> None:
        """Write values (None deletes) and the changelog offset, where given: all or nothing."""
        batch = WriteBatch(raw_mode=True)
        for key, value in items.items():
            if value is None:
                batch.delete(DATA + key)
            else:
                batch.put(DATA + key, value)
        if offset is not None:
            batch.put(OFFSET, offset.to_bytes(8, "big"))
        self._db.write(batch)

    def close(self) -> None:
        """Close the database; what was written stays."""
        self._db.close()


def forget_former(folder: Path, generation: int) -> None:
    """Delete a role's local copies of former generations, a folder each: those generations are drained."""
    for former in folder.glob("*"):
        if former.name.isdecimal() and int(former.name) < generation:
            shutil.rmtree(former, ignore_errors=True)
