"""A worker's probes and metrics over HTTP, its row among the instances, and its reasons for not being ready."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import prometheus_client
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.log.batch import Batch, Claim
from app.log.contract import NewRecord
from app.log.postgres.log import PostgresLog
from app.roles import ROLE_NAMES
from app.runtime.heartbeat import Heartbeat
from app.runtime.up import free_port
from app.runtime.worker_status import WorkerStatus
from app.settings import Settings
from app.stores.admin.instances import Instance, Instances
from app.stores.errors import StoreUnavailable
from app.stream import metrics
from app.stream.role import Process, RoleApp
from tests.agents.test_stream_role import records, running, until

ROOT = Path(__file__).parents[2]
AWAY = "postgresql://postgres@127.0.0.1:1/nothing"


@contextmanager
def worker(database: str, folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """Run a worker of all roles until it consumes; yield it and its port."""
    ready, says = os.pipe()
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "FAULTLINE_DATABASE": database,
        "FAULTLINE_DATA": str(folder),
        "FAULTLINE_PARTITIONS": "2",
        "FAULTLINE_WORKER_PORT": str(port),
        "FAULTLINE_READY_FD": str(says),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "app.runtime.worker"], env=environment, pass_fds=(says,), cwd=folder
    )
    os.close(says)
    with os.fdopen(ready) as pipe:
        assert json.loads(pipe.readline()) == {"ready": True}
    try:
        yield process, port
    finally:
        process.kill()
        process.wait()


def get(port: int, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return int(answer.status), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


async def eventually(look: Any) -> Any:  # noqa: ANN401  whatever the look gives
    async with asyncio.timeout(40):
        while not (found := await look()):
            await asyncio.sleep(0.1)
        return found


@asynccontextmanager
async def opened(database: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    async with asyncpg.create_pool(database, min_size=0, max_size=2) as pool:
        yield pool


async def test_a_worker_serves_metrics_probes_and_its_row(database: str, tmp_path: Path) -> None:
    with worker(database, tmp_path) as (process, port):
        async with opened(database) as pool, PostgresLog(database) as log:
            instances = Instances(pool)
            assert await asyncio.to_thread(get, port, "/healthz") == (200, b'{"alive":true}')
            status, answer = await asyncio.to_thread(get, port, "/readyz")
            assert (status, json.loads(answer)) == (200, {"ready": True, "reasons": []})
            await log.append([NewRecord("1.crashes", 0, b"k", b"no facts", {}, 1)])

            async def counted() -> Instance | None:
                found = await instances.alive()
                good = [each for each in found if each.figures["crashes"].dead_letters == 1]
                return good[0] if good and good[0].figures["crashes"].lag_records == 0 else None

            row = await eventually(counted)
            assert (row.part, row.pid, row.roles) == ("worker", process.pid, ROLE_NAMES)
            assert row.memory > 10 << 20
            assert row.figures["archive"].partitions == [0, 1]
            samples = _samples((await asyncio.to_thread(get, port, "/metrics"))[1].decode())
            assert samples["faultline_worker_records_total", "crashes"] == 1
            assert samples["faultline_worker_batch_records_count", "crashes"] == 1
            assert samples["faultline_worker_batch_seconds_count", "crashes"] == 1
            assert samples["faultline_worker_lag_records", "crashes"] == 0
            assert samples["faultline_agent_dead_letters_total", "crashes"] == 1
            assert all(samples["faultline_worker_partitions", role] == 2 for role in ROLE_NAMES)
            assert samples["faultline_log_generation", ""] == 1
            assert samples["process_resident_memory_bytes", ""] > 10 << 20
            assert 0 < samples["faultline_worker_tables_memory_bytes", ""] < 64 << 20
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 30) == 0
            assert await instances.alive() == []


def test_every_metric_of_a_role_is_documented_and_appears() -> None:
    metrics.declare(("crashes",))
    metrics.RETRIES.labels("crashes", "OSError")
    for gauge in (metrics.LAG_RECORDS, metrics.LAG_SECONDS, metrics.WATERMARK):
        gauge.labels("crashes")
    families = {found.name: found for found in text_string_to_metric_families(_page())}
    kinds = prometheus_client.Counter | prometheus_client.Gauge | prometheus_client.Histogram
    declared = [value for value in vars(metrics).values() if isinstance(value, kinds)]
    assert len(declared) >= 10
    for metric in declared:
        [family] = metric.collect()
        shown = families[family.name]
        assert shown.documentation.endswith(".")
        assert shown.samples
        assert family.name.startswith("faultline_")


@pytest.mark.parametrize("where", ["postgres", "kafka"])
async def test_a_role_is_ready_once_it_can_work(
    database: str, tmp_path: Path, where: str, request: pytest.FixtureRequest
) -> None:
    name = request.getfixturevalue("kafka_url") if where == "kafka" else "database:"
    process = Process(Settings(database=database, log=name, data=str(tmp_path), partitions=2, rocksdb_mb=16), 1, "log")
    role, refuses = RoleApp("crashes", process), True

    async def handle(batch: Batch, _: Claim) -> None:
        if refuses and batch.records:
            raise StoreUnavailable("away")

    role.consume("crashes", handle)
    async with opened(database) as pool:
        status = WorkerStatus(process, pool)
        assert [code for code, _ in await status.unready()] == ["not_assigned"]
        assert (await status.figures())["crashes"].lag_records is None
        async with running(role) as log:
            await until(lambda: len(role.claims) == 2 and not role.faust.rebalancing)
            assert await status.unready() == []
            await log.append(records(0, 5))
            await until(lambda: bool(role.waiting))
            assert [code for code, _ in await status.unready()] == ["backend_unavailable"]
            figures = (await status.figures())["crashes"]
            assert (figures.lag_records, figures.waits, figures.partitions) == (5, "StoreUnavailable", [0, 1])
            assert (figures.lag_seconds or 0) > 1_000_000_000  # the records' stamps are those of 1970
            assert figures.errors >= 1
            refuses = False
            await until(lambda: role.accepted("1.crashes", 0) == 4)
            assert await status.unready() == []
            assert (await status.figures())["crashes"].lag_records == 0


async def test_a_database_that_is_away_makes_a_worker_not_ready_and_stops_no_heartbeat(tmp_path: Path) -> None:
    process = Process(Settings(database=AWAY, data=str(tmp_path), partitions=2, rocksdb_mb=16), 1, "log")
    async with opened(AWAY) as pool:
        status = WorkerStatus(process, pool)
        assert await status.unready() == [("store_unavailable", "The database does not answer.")]
        heartbeat = Heartbeat(Instances(pool), "worker", status.figures)
        await heartbeat.beat()
        await heartbeat.leave()


async def test_a_port_in_use_ends_the_worker_with_the_reason(database: str, tmp_path: Path) -> None:
    with worker(database, tmp_path) as (_, port):
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "FAULTLINE_DATABASE": database,
            "FAULTLINE_DATA": str(tmp_path / "other"),
            "FAULTLINE_PARTITIONS": "2",
            "FAULTLINE_WORKER_PORT": str(port),
        }
        second = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app.runtime.worker", env=environment, cwd=tmp_path, stderr=subprocess.PIPE
        )
        _, text = await asyncio.wait_for(second.communicate(), 60)
        assert second.returncode == 1
        assert b"address already in use" in text


def _page() -> str:
    return prometheus_client.generate_latest().decode()


def _samples(text: str) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = (sample.name, sample.labels.get("role", ""))
            found[name] = found.get(name, 0) + sample.value
    return found
