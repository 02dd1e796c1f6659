"""The rates role in a worker process of its own, killed twice in the middle: every window as computed directly."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from app.cells import DAY
from app.log.contract import NewRecord, Record, TopicSpec
from app.log.postgres import PostgresLog
from app.stores.aggregates import Aggregates
from app.stores.complete import complete_until
from app.topics import RATES, qualified
from tables.windows import Row, WindowKey, decode_row
from tests.agents import rates_truth as given
from tests.agents.rates_truth import SOURCES, TOPIC

PARTITIONS = 2
NOW = 2_000_000_000_000
DEADLINE = 60.0


@asynccontextmanager
async def worker(database: str, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the role until it consumes, and kill it at the end."""
    reading, writing = os.pipe()
    own = {"DATABASE": database, "DATA": str(folder), "ROLES": "rates", "PARTITIONS": str(PARTITIONS)}
    environ = {**os.environ, **{f"FAULTLINE_{name}": value for name, value in own.items()}}
    environ["FAULTLINE_READY_FD"] = str(writing)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.worker", env=environ, pass_fds=[writing], cwd=Path(__file__).parents[2]
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as ready:
            line = await asyncio.wait_for(asyncio.to_thread(ready.readline), DEADLINE)
            assert "ready" in line
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def send(log: PostgresLog, records: list[Record]) -> None:
    for at in range(0, len(records), 5):
        some = records[at : at + 5]
        await log.append([NewRecord(TOPIC, r.partition, None, r.value, {}, NOW) for r in some])
        await asyncio.sleep(0.01)


async def counted(log: PostgresLog) -> None:
    """Wait until rates has committed everything."""
    async with asyncio.timeout(DEADLINE):
        while await complete_until(log, 1, NOW) < NOW:
            await asyncio.sleep(0.1)


async def test_kills_change_no_window(database: str, tmp_path: Path) -> None:
    order = random.Random(11)
    everything = {source: given.events(order, 150) for source in SOURCES}
    records = sorted(
        (r for d in range(PARTITIONS) for r in given.log_of(order, everything, d, PARTITIONS)), key=lambda r: r.offset
    )
    async with PostgresLog(database) as log, asyncpg.create_pool(database, min_size=0, max_size=2) as pool:
        names = ("crashes", "sessions", "deltas")
        await log.ensure([TopicSpec(qualified(1, name), PARTITIONS) for name in names])
        sending = asyncio.create_task(send(log, records))
        for _ in range(2):
            async with worker(database, tmp_path) as process:
                await asyncio.sleep(order.uniform(0.2, 0.7))
                process.kill()
        async with worker(database, tmp_path) as process:
            await sending
            await counted(log)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), DEADLINE) == 0
        expected = given.truth(everything)
        rows = await Aggregates(pool).rows(list(expected))
        assert {key: (row.counts["crashes"], row.sketches["users"]) for key, row in rows.items()} == expected
        assert await published(log) == rows
        listed, _, _ = await Aggregates(pool).groups(7, given.NOON - DAY, given.NOON + DAY)
        assert {row.id for row in listed} == {"ga", "gb", "gc"}


async def published(log: PostgresLog) -> dict[WindowKey, Row]:
    """Give the last record of each key of ``rates``."""
    found: dict[WindowKey, Row] = {}
    for partition in range(PARTITIONS):
        at = 0
        while records := await log.read(qualified(1, RATES), partition, at):
            for record in records:
                assert record.key is not None
                assert record.value is not None
                cell, size, start, row = decode_row(record.key, record.value)
                found[WindowKey(cell.key(), size, start)] = row
            at = records[-1].offset + 1
    return found
