"""``faultline up`` as a user runs it: one command, all processes, in a folder of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from app.embedded import postmaster

T = TypeVar("T")

UP = "import sys; from app import settings; from app.runtime.up import run; sys.exit(run(settings.load()))"
STARTED: list["subprocess.Popen[str]"] = []


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data folder of one installation for all tests here."""
    return tmp_path_factory.mktemp("up") / "data"


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """End what a test that failed has left, so that the next one starts on a free folder."""
    yield
    for process in STARTED:
        if process.poll() is None:
            process.terminate()
            process.communicate()
    STARTED.clear()


def start(data: Path, **settings: str) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FAULTLINE_")}
    process = subprocess.Popen(
        [sys.executable, "-c", UP],
        env={
            **environment,
            "FAULTLINE_DATA": str(data),
            "FAULTLINE_PORT": "0",
            "FAULTLINE_PARTITIONS": "2",
            **{f"FAULTLINE_{name.upper()}": value for name, value in settings.items()},
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    STARTED.append(process)
    return process


def until(condition: Callable[[], T]) -> T:
    """Wait for a condition and return its value; the time-out of the test bounds the wait."""
    while not (value := condition()):
        time.sleep(0.05)
    return value


def described(data: Path, process: "subprocess.Popen[str]") -> dict[str, Any]:
    """Wait for ``faultline.json`` and return its content."""
    path = data / "faultline.json"

    def ready() -> bool:
        assert process.poll() is None, "up ended"
        return path.exists()

    until(ready)
    return dict(json.loads(path.read_text()))


def get(url: str, token: str) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as reply:
        return dict(json.loads(reply.read()))


def projects(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the projects that the API lists, without what ``faultline.json`` does not say of them."""
    listed = get(f"{found['url']}/api/v1/projects", found["token"])["projects"]
    return [{name: value for name, value in project.items() if name != "grouping"} for project in listed]


def alive(pid: int) -> bool:
    return postmaster.alive(pid)


def test_brings_everything_up_and_ends_it(data: Path) -> None:
    process = start(data)
    found = described(data, process)
    assert (data / "faultline.json").stat().st_mode & 0o177 == 0
    assert get(found["metrics"]["worker"] + "/readyz", "") == {"ready": True, "reasons": []}
    assert data.stat().st_mode & 0o077 == 0
    assert set(found) == {"url", "token", "sign_in", "projects", "pids", "metrics"}
    roles = {"crashes", "sessions", "timings", "rates", "archive", "search", "ingest", "web", "files", "postgres"}
    assert set(found["pids"]) == roles
    assert projects(found) == found["projects"]
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate()
    assert process.returncode == 0
    for shown in (found["url"], found["sign_in"], found["projects"][0]["dsn"], found["projects"][0]["raygun_key"]):
        assert shown in printed
    assert not (data / "faultline.json").exists()
    assert not any(alive(pid) for pid in found["pids"].values())


def test_a_second_start_has_the_same_token_and_projects_and_restarts_what_is_killed(data: Path) -> None:
    process = start(data)
    first = described(data, process)
    os.kill(first["pids"]["crashes"], signal.SIGKILL)
    second = until(lambda: (found := described(data, process)) and found["pids"] != first["pids"] and found)
    assert second["token"] == first["token"]
    assert second["url"] == first["url"]
    os.kill(second["pids"]["web"], signal.SIGKILL)
    third = until(lambda: (found := described(data, process)) and found["pids"] != second["pids"] and found)
    assert third["url"] == first["url"]
    assert projects(third) == first["projects"]
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 0


def test_the_data_folder_has_one_user_at_a_time(data: Path) -> None:
    process = start(data)
    described(data, process)
    second = start(data)
    _, error = second.communicate()
    assert second.returncode == 1
    assert f"in use by process {process.pid}" in error
    assert (data / "faultline.json").exists()
    process.send_signal(signal.SIGTERM)
    process.communicate()


def test_children_end_with_a_killed_parent_and_kill_9_of_all_blocks_nothing(data: Path) -> None:
    process = start(data)
    found = described(data, process)
    process.kill()
    process.communicate()
    until(lambda: not any(alive(pid) for pid in found["pids"].values()))
    process = start(data)
    found = until(lambda: (now := described(data, process)) and now["pids"] != found["pids"] and now)
    for each in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
        each.kill()
    process.communicate()
    process = start(data)
    again = until(lambda: (now := described(data, process)) and now["pids"] != found["pids"] and now)
    assert again["token"] == found["token"]
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 0


def test_a_port_in_use_is_reported_and_no_process_stays(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(data, port=str(taken.getsockname()[1]))
        _, error = process.communicate()
    assert process.returncode == 1
    assert "address already in use" in error
    assert postmaster.processes(data / "postgres" / "data") == []


def test_a_given_server_replaces_the_embedded_one(tmp_path: Path, database: str) -> None:
    process = start(tmp_path, database=database, roles="crashes")
    found = described(tmp_path, process)
    assert set(found["pids"]) == {"crashes", "ingest", "web", "files"}
    assert not (tmp_path / "postgres").exists()
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 0


def test_a_database_that_cannot_be_reached_is_reported(tmp_path: Path) -> None:
    process = start(tmp_path, database="postgresql://nobody@127.0.0.1:1/nowhere")
    _, error = process.communicate()
    assert process.returncode == 1
    assert "the database cannot be used" in error
    assert "Traceback" not in error
