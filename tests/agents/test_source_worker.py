"""Both source agents in a real worker process that is killed -9 in the midst of its work."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest

from agents.batch.crashes import KINDS, CrashBatch
from agents.batch.result import BatchResult
from agents.batch.sessions import KINDS as SESSION_KINDS
from agents.batch.sessions import SessionBatch
from app.log.contract import NewRecord, Record, TopicSpec
from app.log.postgres.log import PostgresLog
from tables import seen
from tests.support import source_parts as parts
from tests.support.batches import TARGETS, crash, session_record
from tests.support.source_parts import PARTITIONS

ROOT = Path(__file__).parents[2]
LIMIT = 60.0


@pytest.fixture
async def log(database: str) -> AsyncIterator[PostgresLog]:
    async with PostgresLog(database) as opened:
        await opened.ensure([TopicSpec(name, PARTITIONS) for name in ("1.crashes", "1.sessions")])
        yield opened


def start(database: str, folder: Path) -> "subprocess.Popen[bytes]":
    environ = {
        "FAULTLINE_DATABASE": database,
        "FAULTLINE_DATA": str(folder),
        "FAULTLINE_ROLES": "crashes,sessions",
        "FAULTLINE_PARTITIONS": str(PARTITIONS),
        "FAULTLINE_BATCH_RECORDS": "20",
        "PYTHONPATH": str(ROOT),
    }
    with (folder / "worker.txt").open("ab") as output:
        command = [sys.executable, "-m", "app.runtime.worker"]
        return subprocess.Popen(command, env={**os.environ, **environ}, cwd=folder, stdout=output, stderr=output)


async def test_killed_in_the_midst_every_record_counts_once(database: str, log: PostgresLog, tmp_path: Path) -> None:
    secrets = await parts.new_project(database)
    records = [_placed(record, at % PARTITIONS, at // PARTITIONS) for at, record in enumerate(_crashes(1200))]
    records += [_placed(record, at % PARTITIONS, at // PARTITIONS) for at, record in enumerate(_sessions(400))]
    worker = start(database, tmp_path)
    try:
        await _append(log, records[:600])
        await _until(log, worker, 200)
        worker.kill()
        await _append(log, records[600:])
        worker.wait()
        worker = start(database, tmp_path)
        await _until(log, worker, len(records))
    finally:
        worker.terminate()
        assert worker.wait(LIMIT) in (0, -9), (tmp_path / "worker.txt").read_text()
    expected = parts.sums_of(delta for result in _one_pass(records, secrets) for delta in result.deltas())
    assert await parts.counted(log) == expected


def _crashes(count: int) -> list[Record]:
    return [crash(n, f"{n * 7 % 900:032x}", release=f"r{n % 3}", user={"id": f"u{n % 40}"}) for n in range(count)]


def _sessions(count: int) -> list[Record]:
    ends = ("ok", "exited", "crashed")
    contents = [{"status": ends[n % 3], "attrs": {"release": "r"}} for n in range(count)]
    return [session_record(n, "session", one, sid=f"s{n // 5}") for n, one in enumerate(contents)]


def _placed(record: Record, partition: int, offset: int) -> Record:
    return msgspec.structs.replace(record, partition=partition, offset=offset)


async def _append(log: PostgresLog, records: Sequence[Record]) -> None:
    await log.append([NewRecord(r.topic, r.partition, r.key, r.value, r.headers, r.stamp) for r in records])


async def _until(log: PostgresLog, worker: "subprocess.Popen[bytes]", count: int) -> None:
    """Wait until so many records are committed."""
    async with asyncio.timeout(LIMIT):
        done = 0
        while done < count:
            assert worker.poll() is None, "the worker ended"
            crashes = await log.committed("faultline-crashes", "1.crashes")
            sessions = await log.committed("faultline-sessions", "1.sessions")
            done = sum(crashes.values()) + sum(sessions.values())
            await asyncio.sleep(0.05)


def _one_pass(records: Sequence[Record], secrets: dict[int, bytes]) -> list[BatchResult]:
    """Return the result of each source partition as one batch, on empty state."""
    digests = []
    for partition in range(PARTITIONS):
        mine = [record for record in records if record.partition == partition]
        crashes = BatchResult("crashes", [record for record in mine if record.topic == "1.crashes"], TARGETS)
        CrashBatch(crashes, seen.Seen({}), secrets).add_all(crashes.readable(KINDS))
        sessions = BatchResult("sessions", [record for record in mine if record.topic == "1.sessions"], TARGETS)
        SessionBatch(sessions, {}, secrets, 1).add_all(sessions.readable(SESSION_KINDS))
        digests += [crashes, sessions]
    return digests
