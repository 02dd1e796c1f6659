"""The local copies of all tables and partitions of a process share one bound of memory, however much they hold."""

import asyncio
import random
from pathlib import Path

from app.state.rocksdb import Memory, Store

MEGABYTES = 8
STORES = 6
VALUE_BYTES = 300
ROWS = 500
WRITES = 20
"""Times ``ROWS`` in each store: 18 MB in all, and random bytes do not compress."""

SLACK = 1 << 20
"""Write buffers are charged by 256 KiB."""


async def test_all_stores_of_a_process_share_one_bound(tmp_path: Path) -> None:
    memory, dice = Memory(MEGABYTES), random.Random(1)
    stores = [Store(tmp_path / f"{number}.rocksdb", memory, "log") for number in range(STORES)]
    try:
        for number in range(WRITES):
            for store in stores:
                rows = {dice.randbytes(16): dice.randbytes(VALUE_BYTES) for _ in range(ROWS)}
                store.write(rows, number)
        for store in stores:
            assert sum(1 for _ in store.scan(b"")) == ROWS * WRITES
        assert memory.used > MEGABYTES << 19
        while memory.used > (MEGABYTES << 20) + SLACK:  # buffers above their share are written out beside this
            await asyncio.sleep(0.05)
    finally:
        for store in stores:
            store.close()
