"""The server as a process: readiness, shutdown by signal, and shutdown when its parent is gone."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@contextmanager
def started(
    database: str, folder: Path, parts: str, **more: str
) -> Iterator[tuple["subprocess.Popen[bytes]", int, int]]:
    """Start a server. Yield the process, its port, and the pipe whose closing means that its parent is gone."""
    ready, ready_write = os.pipe()
    parent, parent_write = os.pipe()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "FAULTLINE_DATABASE": database,
        "FAULTLINE_DATA": str(folder),
        "FAULTLINE_PORT": "0",
        "FAULTLINE_READY_FD": str(ready_write),
        "FAULTLINE_PARENT_FD": str(parent),
        **more,
    }
    code = f"import sys; from app.runtime.server import main; sys.exit(main({parts!r}.split(',')))"
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, pass_fds=(ready_write, parent), cwd=folder
    )
    os.close(ready_write)
    os.close(parent)
    with os.fdopen(ready) as pipe:
        line = pipe.readline()
    try:
        yield process, json.loads(line)["port"] if line else 0, parent_write
    finally:
        process.kill()
        process.wait()


def status(port: int, path: str) -> int:
    """Return the status that a path answers with."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


async def test_it_serves_its_parts_and_ends_on_sigterm(database: str, tmp_path: Path) -> None:
    with started(database, tmp_path, "ingest,web,files") as (process, port, parent):
        assert status(port, "/healthz") == 200
        assert status(port, "/readyz") == 200
        assert status(port, "/api/v1/projects") == 401
        assert status(port, "/files/1.crashes/0/0") == 401
        assert status(port, "/api/1/envelope/") == 405
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        os.close(parent)


@pytest.mark.parametrize(
    ("part", "served", "missing"),
    [
        ("ingest", ("/api/1/envelope/", 405), "/api/v1/projects"),
        ("files", ("/files/1.crashes/0/0", 401), "/api/v1/projects"),
        ("web", ("/files/1.crashes/0/0", 401), "/api/1/envelope/"),
    ],
)
async def test_a_single_part_serves_only_its_paths(
    database: str, tmp_path: Path, part: str, served: tuple[str, int], missing: str
) -> None:
    with started(database, tmp_path, part) as (process, port, parent):
        assert status(port, "/readyz") == 200
        assert status(port, served[0]) == served[1]
        assert status(port, missing) == 404
        os.close(parent)  # the parent is gone
        assert process.wait(20) == 0


async def test_an_invalid_setting_exits_with_2(database: str, tmp_path: Path) -> None:
    with started(database, tmp_path, "web", FAULTLINE_READ_TIMEOUT="-1") as (process, port, parent):
        assert port == 0
        assert process.wait(20) == 2
        os.close(parent)


@pytest.mark.parametrize(
    ("settings", "code", "message"),
    [
        ({"FAULTLINE_TRUSTED_PROXIES": "nonsense"}, 2, "FAULTLINE_TRUSTED_PROXIES: 'nonsense' does not appear"),
        ({"FAULTLINE_SEARCH": "ftp://x"}, 2, "received ftp:"),
        ({"FAULTLINE_HOST": "256.0.0.1"}, 1, "256.0.0.1:0: "),
        ({"FAULTLINE_PORT": "taken"}, 1, "already in use"),
    ],
)
async def test_errors_at_start_are_one_line(
    database: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], settings: dict[str, str], code: int, message: str
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        values = {name: value.replace("taken", str(taken.getsockname()[1])) for name, value in settings.items()}
        with started(database, tmp_path, "ingest,web", **values) as (process, _, parent):
            assert process.wait(20) == code
            os.close(parent)
    errors = capfd.readouterr().err
    assert message in errors
    assert "Traceback" not in errors


async def test_a_request_that_cannot_be_parsed_is_not_quoted_in_the_log(
    database: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with started(database, tmp_path, "ingest,web,files") as (process, port, parent):
        for head in (b"GET / HTTP/1.1\r\nbad header password=hunter2\r\n\r\n", b"password=hunter2\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                client.sendall(head)
                assert b" 400 Bad Request" in client.recv(1000), head
        os.close(parent)
        assert process.wait(20) == 0
    assert "hunter2" not in capfd.readouterr().err
