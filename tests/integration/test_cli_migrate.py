"""``faultline migrate`` makes and prints what is missing; no process starts on another log than that of the events."""

import asyncio
import subprocess
from pathlib import Path

import asyncpg
import pytest

from app.log.contract import Bounds, TopicSpec
from app.log.kafka.log import KafkaLog
from app.runtime.server import running
from app.settings import Settings, SettingsError
from tests.integration.test_cli import faultline


async def migrated(**settings: str) -> "subprocess.CompletedProcess[str]":
    return await asyncio.to_thread(faultline, "migrate", **settings)


async def test_topics_are_made_once_with_what_their_records_need(database: str, kafka_url: str, tmp_path: Path) -> None:
    given = {"database": database, "data": str(tmp_path), "log": kafka_url, "partitions": "2"}
    first, second = await migrated(**given), await migrated(**given)
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert "made topic 1.crashes (2 partitions, delete)" in first.stdout
    assert "made topic 1.faultline-crashes-seen-changelog (2 partitions, compact)" in first.stdout
    assert second.stdout == "nothing to do: the schema and the topics are up to date\n"
    longer = await migrated(**given, retention_days="9")
    assert "renewed retention and limits of topic 1.sessions\n" in longer.stdout
    async with KafkaLog(kafka_url) as log:
        there = await log._topics._settings("1.crashes")
        assert (there["retention.ms"], int(there["max.message.bytes"]) > 16 << 20) == ("777600000", True)
        assert await log.bounds("1.rates") == dict.fromkeys(range(2), Bounds(0, 0))


async def test_a_topic_with_other_partitions_is_named(database: str, kafka_url: str, tmp_path: Path) -> None:
    async with KafkaLog(kafka_url) as log:
        await log.ensure([TopicSpec("1.crashes", 3)])
    done = await migrated(database=database, data=str(tmp_path), log=kafka_url, partitions="2")
    assert done.returncode == 1
    assert "topic 1.crashes has 3 partitions, the settings require 2" in done.stderr


async def test_neither_server_nor_worker_starts_on_another_log(database: str, kafka_url: str, tmp_path: Path) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("update log_generations set log = 'database', partitions = 8, deltas = 8")
    await connection.close()
    with pytest.raises(SettingsError, match="is in PostgreSQL"):
        async with running(Settings(database=database, data=str(tmp_path), log=kafka_url, port=0)):
            pass
    done = await asyncio.to_thread(faultline, "worker", database=database, data=str(tmp_path), log=kafka_url)
    assert done.returncode == 1
    assert "faultline worker: log: the log (generation 1) is in PostgreSQL" in done.stderr
    done = await asyncio.to_thread(faultline, "up", database=database, data=str(tmp_path), partitions="4")
    assert done.returncode == 1
    assert "set FAULTLINE_PARTITIONS=8, not 4" in done.stderr
