"""How the worker starts: with all its roles, by either command, or with a reason why not."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.roles import ROLE_NAMES

if TYPE_CHECKING:
    from tests.faults.transport.conftest import Bench

ROOT = Path(__file__).parents[3]
WORKER = [sys.executable, "-m", "app.runtime.worker"]
FAUST = [sys.executable, "-m", "faust", "-A", "app", "worker", "-l", "info"]


def environ(database: str, folder: Path, **more: str) -> Mapping[str, str]:
    ours = {"FAULTLINE_DATABASE": database, "FAULTLINE_DATA": str(folder), "PYTHONPATH": str(ROOT)}
    return {**os.environ, **ours, **more}


async def ended(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode()


@pytest.mark.parametrize("command", [WORKER, FAUST], ids=["python", "faust"])
async def test_all_roles_get_ready_and_stop(command: Sequence[str], database: str, tmp_path: Path) -> None:
    ready, says = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environ(database, tmp_path, FAULTLINE_READY_FD=str(says)),
        cwd=tmp_path,
        pass_fds=[says],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    os.close(says)
    line = await asyncio.to_thread(os.read, ready, 100)
    os.close(ready)
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert line == b'{"ready": true}\n', out.decode()
    assert process.returncode == 0, out.decode()
    assert f"ready: {', '.join(ROLE_NAMES)}" in out.decode()


async def test_an_unknown_role_is_named(database: str, tmp_path: Path) -> None:
    code, out = await ended(WORKER, environ(database, tmp_path, FAULTLINE_ROLES="crashes,crushes"), tmp_path)
    assert code == 1
    assert "unknown role crushes" in out


async def test_a_database_that_is_not_there_is_a_reason(tmp_path: Path) -> None:
    code, out = await ended(WORKER, environ("postgresql://nobody@127.0.0.1:1/none", tmp_path), tmp_path)
    assert code == 1
    assert "the database cannot be used" in out


async def test_a_database_without_tables_is_a_reason(postgres_server: str, tmp_path: Path) -> None:
    code, out = await ended(WORKER, environ(postgres_server, tmp_path), tmp_path)
    assert code == 1
    assert "faultline migrate" in out


async def test_a_resource_that_does_not_open_ends_the_worker(bench: "Bench") -> None:
    process = bench.start(COUNTING_BROKEN="yes")
    assert await process.ended() == 1
    assert "this resource is broken" in process.text()


async def test_a_worker_can_be_stopped_at_any_moment_of_its_start(bench: "Bench") -> None:
    await bench.append(100)
    processes = [bench.start(str(n)) for n in range(3)]
    for process in processes:
        await asyncio.sleep(0.3)
        process.send(signal.SIGTERM)
    assert {await process.ended() for process in processes} <= {0, -signal.SIGTERM}


@pytest.mark.parametrize("module", ["app", "app.records", "app.log.postgres.log", "app.log.batch", "tables.windows"])
def test_parts_without_agents_do_not_import_faust(module: str, tmp_path: Path) -> None:
    code = f"import sys, {module}; sys.exit('faust' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT)}, cwd=tmp_path, check=False)
    assert done.returncode == 0
