"""The rates role in a worker process of its own, killed twice in the middle: every window as computed directly."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from app.cells import DAY
from app.log.contract import NewRecord, Record, TopicSpec
from app.log.lag import complete_until
from app.log.postgres.log import PostgresLog
from app.stores.aggregates.store import Aggregates
from app.stores.aggregates.types import GroupsQuery
from app.topics import RATES, Source, qualified
from tables.windows import WindowKey, decode_key, encode_short
from tests.support import rates_truth as given
from tests.support.rates_truth import SOURCES, TOPIC

PARTITIONS = 2
NOW = 2_000_000_000_000
DEADLINE = 60.0
SEND_SECONDS = 0.08
"""Seconds between appends: slow enough that the kills come while records are in flight."""

Events = Mapping[Source, Sequence[given.Event]]


@asynccontextmanager
async def worker(database: str, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the role until it consumes, and kill it at the end."""
    reading, writing = os.pipe()
    own = {
        "DATABASE": database,
        "DATA": str(folder),
        "ROLES": "rates",
        "PARTITIONS": str(PARTITIONS),
        "BATCH_RECORDS": "4",
        "MINUTE_DAYS": "36500",  # the events are of a fixed day
        "HOUR_DAYS": "36500",
    }
    environ = {**os.environ, **{f"FAULTLINE_{name}": value for name, value in own.items()}}
    environ["FAULTLINE_READY_FD"] = str(writing)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.runtime.worker", env=environ, pass_fds=[writing], cwd=Path(__file__).parents[2]
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


async def send(log: PostgresLog, records: list[Record], killed: asyncio.Event) -> None:
    """Append records slowly; the second half waits for the last kill, however slowly workers start."""
    for at in range(0, len(records), 5):
        if at > len(records) // 2:
            await killed.wait()
        some = records[at : at + 5]
        await log.append([NewRecord(TOPIC, r.partition, None, r.value, {}, NOW) for r in some])
        await asyncio.sleep(SEND_SECONDS)


async def counted(log: PostgresLog) -> None:
    """Wait until rates has committed everything."""
    async with asyncio.timeout(DEADLINE):
        while await complete_until(log, 1, NOW) < NOW:
            await asyncio.sleep(0.1)


@asynccontextmanager
async def sent(
    database: str, seed: int
) -> AsyncIterator[tuple[PostgresLog, asyncio.Event, asyncio.Task[None], Events]]:
    """Begin to append random events to ``deltas``; the returned event must be set after the last kill."""
    order = random.Random(seed)
    everything = {source: given.events(order, 150) for source in SOURCES}
    records = [r for d in range(PARTITIONS) for r in given.log_of(order, everything, d, PARTITIONS)]
    async with PostgresLog(database) as log:
        names = ("crashes", "sessions", "timings", "deltas")
        await log.ensure([TopicSpec(qualified(1, name), PARTITIONS) for name in names])
        killed = asyncio.Event()
        sending = asyncio.create_task(send(log, sorted(records, key=lambda r: r.offset), killed))
        yield log, killed, sending, everything
        await sending


async def check(database: str, log: PostgresLog, everything: Events) -> None:
    """Compare every window, in the store and as published, and the groups."""
    expected = given.truth(everything)
    async with asyncpg.create_pool(database, min_size=0, max_size=2) as pool:
        store = Aggregates(pool)
        rows = await store.rows(list(expected))
        listed, _, _ = await store.groups(GroupsQuery(project=7, start=given.NOON - DAY, end=given.NOON + DAY))
    assert {key: (row.counts["crashes"], row.sketches["users"]) for key, row in rows.items()} == expected
    assert await published(log) == {key: encode_short(row) for key, row in rows.items()}
    assert {row.id for row in listed} == {"ga", "gb", "gc"}


async def test_kills_change_no_window(database: str, tmp_path: Path) -> None:
    async with sent(database, 11) as (log, killed, sending, everything):
        for seconds in (0.3, 0.6):
            async with worker(database, tmp_path) as process:
                await asyncio.sleep(seconds)
                process.kill()
        killed.set()
        async with worker(database, tmp_path) as process:
            await sending
            await counted(log)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), DEADLINE) == 0
        await check(database, log, everything)


async def test_two_workers_one_of_them_killed(database: str, tmp_path: Path) -> None:
    async with (
        sent(database, 12) as (log, killed, sending, everything),
        worker(database, tmp_path / "one") as first,
        worker(database, tmp_path / "two") as second,
    ):
        await asyncio.sleep(0.4)
        first.kill()
        killed.set()
        await sending
        await counted(log)
        assert second.returncode is None
        await check(database, log, everything)


async def published(log: PostgresLog) -> dict[WindowKey, bytes]:
    """Return the last record of each key of ``rates``."""
    found: dict[WindowKey, bytes] = {}
    for partition in range(PARTITIONS):
        at = 0
        while records := await log.read(qualified(1, RATES), partition, at):
            for record in records:
                assert record.key is not None
                assert record.value is not None
                found[decode_key(record.key)] = record.value
            at = records[-1].offset + 1
    return found
