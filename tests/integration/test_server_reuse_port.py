"""Several servers share one port: the kernel spreads connections over them, and one that ends breaks none of them."""

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import asyncpg

from app.stores.admin.instances import Instance, Instances
from tests.integration.test_api_server import started
from tests.support.ports import free_ports


def who_answers(port: int) -> float:
    """Return when the process that answers a new connection was started."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        [started_at] = re.findall(r"^process_start_time_seconds (\S+)$", answer.read().decode(), re.MULTILINE)
    return float(started_at)


def pids(database: str) -> set[int]:
    """Return the processes among the instances that run ingest alone."""

    async def alive() -> list[Instance]:
        async with asyncpg.create_pool(database, min_size=0, max_size=1) as pool:
            return await Instances(pool).alive()

    return {row.pid for row in asyncio.run(alive()) if row.part == "server" and row.roles == ("ingest",)}


def test_two_servers_share_a_port(database: str, tmp_path: Path) -> None:
    more = {"FAULTLINE_PORT": str(free_ports(1)[0]), "FAULTLINE_REUSE_PORT": "1"}
    with (
        started(database, tmp_path, "ingest", **more) as (first, port, _),
        started(database, tmp_path, "ingest", **more) as (second, same_port, _),
    ):
        assert port == same_port
        seen: set[float] = set()
        for _ in range(1000):
            seen.add(who_answers(port))
            if len(seen) == 2:
                break
        assert len(seen) == 2
        while pids(database) != {first.pid, second.pid}:  # the first beat comes a moment after the port is open
            time.sleep(0.05)
        first.send_signal(signal.SIGTERM)
        assert first.wait(20) == 0
        assert second.poll() is None
        assert pids(database) == {second.pid}
        assert len({who_answers(port) for _ in range(50)}) == 1


def test_a_port_is_not_shared_by_accident(database: str, tmp_path: Path) -> None:
    with started(database, tmp_path, "ingest") as (_, port, _):
        settings = {"FAULTLINE_DATABASE": database, "FAULTLINE_DATA": str(tmp_path), "FAULTLINE_PORT": str(port)}
        serve = "from app.runtime.server import main; raise SystemExit(main(['ingest']))"
        code = f"import os; os.environ.update({json.dumps(settings)}); {serve}"
        root = str(Path(__file__).parents[2])
        ended = subprocess.run(
            [sys.executable, "-c", code], check=False, capture_output=True, env={"PYTHONPATH": root}, timeout=60
        )
        assert ended.returncode != 0
        assert b"address already in use" in ended.stderr
