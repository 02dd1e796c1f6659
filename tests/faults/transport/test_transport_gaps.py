"""Offset gaps: those that retention made are reported and passed, any other ends the process."""

import signal
from typing import TYPE_CHECKING

import asyncpg
import pytest

if TYPE_CHECKING:
    from tests.faults.transport.conftest import Bench


pytestmark = pytest.mark.parametrize("log_kind", ["postgres"])  # what is deleted are its rows


async def delete(url: str, first: int, last: int, start: int) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute('delete from log_records where "offset" between $1 and $2', first, last)
    await connection.execute("update log_partitions set start = $1", start)
    await connection.close()


async def test_records_that_retention_deleted_unread_are_reported_lost(bench: "Bench") -> None:
    await bench.append(400)
    process = await bench.start().ready()
    await bench.until(lambda done: done == 400)
    process.send(signal.SIGTERM)
    assert await process.ended() == 0
    await bench.append(800)
    await delete(bench.url, 0, 149, 150)
    process = bench.start()
    await bench.until(lambda done: done == 1200)
    assert (await bench.counts()).total() == 400 + 4 * 150
    assert process.text().count("50 records from 100 on were deleted by retention") == 4


async def test_where_retention_deleted_everything_work_goes_on_at_the_end(bench: "Bench") -> None:
    await bench.append(400)
    process = await bench.start().ready()
    await bench.until(lambda done: done == 400)
    process.send(signal.SIGTERM)
    assert await process.ended() == 0
    await bench.append(400)
    await delete(bench.url, 0, 199, 200)
    process = bench.start()
    await bench.until(lambda done: done == 800)
    await bench.append(40)
    await bench.until(lambda done: done == 840)
    assert (await bench.counts()).total() == 400 + 40
    assert process.text().count("100 records from 100 on were deleted by retention") == 4


async def test_a_group_that_never_read_begins_where_the_log_does(bench: "Bench") -> None:
    await bench.append(400)
    await delete(bench.url, 0, 49, 50)
    process = bench.start()
    await bench.until(lambda done: done == 400)
    assert (await bench.counts()).total() == 200
    assert "retention" not in process.text()


async def test_an_offset_gap_ends_the_process_before_later_records_are_counted(bench: "Bench") -> None:
    await bench.append(800)
    await delete(bench.url, 70, 79, 0)
    process = bench.start(FAULTLINE_BATCH_RECORDS="20")
    assert await process.ended() == 1
    assert all(offset <= 70 for offset in (await bench.log.committed("faultline-counter", "1.crashes")).values())
    assert (await bench.counts()).total() <= 4 * 70
    [line] = [line for line in process.text().splitlines() if "ends the process" in line]
    assert "missing_offsets: 1.crashes/" in line
    assert "expected offset 70, received 80; 70-79 were not delivered" in line


async def test_a_log_that_ends_before_the_commit_is_not_read(bench: "Bench") -> None:
    await bench.append(40)
    connection = await asyncpg.connect(bench.url)
    await connection.execute(
        """insert into log_commits select 'faultline-counter', id, 0, 11 from log_topics where name = '1.crashes'"""
    )
    await connection.close()
    process = bench.start()
    assert await process.ended() == 1
    assert "log_behind_commit: 1.crashes/0: committed 11, but the log ends at 10" in process.text()
