"""A worker of one role that counts records by key in a durable table; the transport's tests run it as a process.

COUNTING_DELAY: seconds that each batch takes. While the file COUNTING_DOWN is there, the sink is down. At the offset
COUNTING_FATAL of any partition the handler fails for good.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from app import settings as settings_of
from app.log.batch import Batch, Claim
from app.runtime.worker import open_process, run
from app.stores.errors import StoreUnavailable
from app.stream.role import RoleApp
from tables.spec import Read, TableSpec

DELAY = float(os.environ.get("COUNTING_DELAY", "0"))
DOWN = os.environ.get("COUNTING_DOWN", "")
FATAL = int(os.environ.get("COUNTING_FATAL", "-1"))


def state(count: int, last: int) -> bytes:
    return count.to_bytes(8, "big") + last.to_bytes(8, "big")


def parse(value: bytes | None) -> tuple[int, int]:
    return (0, -1) if value is None else (int.from_bytes(value[:8], "big"), int.from_bytes(value[8:], "big"))


def furthest(read: Read, key: bytes, value: bytes | None) -> Iterable[tuple[bytes, bytes | None]]:
    if value is None or parse(value)[1] > parse(read(key))[1]:
        yield key, value


@asynccontextmanager
async def broken() -> AsyncIterator[None]:
    if "COUNTING_BROKEN" in os.environ:
        raise ValueError("this resource is broken")
    yield


def setup(app: RoleApp) -> None:
    table = app.durable_table(TableSpec("counts", "crashes", "faultline-counter-counts-changelog", furthest))

    async def handle(batch: Batch, claim: Claim) -> None:
        for record in batch:
            key = record.key or b""
            count, last = parse(table.read(claim.partition, key))
            if record.offset > last:
                table.stage(claim.partition, key, state(count + 1, record.offset))
        await asyncio.sleep(DELAY)
        down: bool = await asyncio.to_thread(Path(DOWN).is_file)
        if down:
            raise StoreUnavailable("the sink is down")
        if batch.first <= FATAL <= batch.last:
            raise ValueError("this can never work")
        await table.flush(claim.partition)

    app.consume("crashes", handle)
    if "COUNTING_BROKEN" in os.environ:
        app.resource("broken", broken)


if __name__ == "__main__":
    role = RoleApp("counter", open_process(settings_of.load()))
    setup(role)
    run([role])
