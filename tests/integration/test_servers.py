"""The servers of these tests: they end with their starter, downloads are tried again, and failures name their cause."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import psutil
import pytest
import stamina

from tests import servers
from tests.servers.cache import FETCH_TRIES, cached, download, first_errors, run, tool
from tests.servers.java import java_home

STARTER = """
import psutil, signal
from tests import servers
with servers.s3() as server:
    print(*[child.pid for child in psutil.Process().children(recursive=True)], flush=True)
    signal.pause()
"""


async def test_a_server_ends_when_its_starter_is_killed(s3: str) -> None:
    assert s3
    starter = await asyncio.create_subprocess_exec(sys.executable, "-c", STARTER, stdout=PIPE)
    assert starter.stdout is not None
    pids = [int(pid) for pid in (await starter.stdout.readline()).split()]
    assert len(pids) == 2
    assert all(psutil.pid_exists(pid) for pid in pids)
    os.kill(starter.pid, signal.SIGKILL)
    await starter.wait()
    async with asyncio.timeout(30):
        while any(psutil.pid_exists(pid) for pid in pids):
            await asyncio.sleep(0.05)


def test_a_folder_is_made_once_and_never_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAULTLINE_CACHE", str(tmp_path / "cache"))
    made = list[Path]()

    def half(folder: Path) -> None:
        (folder / "half").touch()
        raise servers.Unavailable("no network")

    def whole(folder: Path) -> None:
        assert list(folder.iterdir()) == []
        (folder / "whole").touch()
        made.append(folder)

    with pytest.raises(servers.Unavailable):
        cached("a-1", half)
    assert not (tmp_path / "cache" / "a-1").exists()
    for _ in range(2):
        assert [path.name for path in cached("a-1", whole).iterdir()] == ["whole"]
    assert len(made) == 1


def test_what_cannot_be_had_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(servers.Unavailable, match=r"It cannot be made: one \| two"):
        run("It cannot be made", [sys.executable, "-c", "print('one\\ntwo'); exit(1)"], tmp_path)
    with pytest.raises(servers.Unavailable, match="no program no-such-program on the path"):
        tool("no-such-program")
    monkeypatch.setenv("ES_JAVA_HOME", str(tmp_path))
    with pytest.raises(servers.Unavailable, match="no Java 1000 or newer: install one, or name it by one of ES_JAVA"):
        java_home(1000, "ES_JAVA_HOME")


FAILS_TWICE = """
import sys
from pathlib import Path
tries = Path("tries")
tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
sys.exit(len(tries.read_text()) < 3)
"""
MAVEN = """
\x1b[0m\x1b[0m[ERROR] Failed to execute goal copy-dependencies: elasticsearch.zip: Connection reset -> [Help 1]
[ERROR]
[ERROR] To see the full stack trace of the errors, re-run Maven with the -e switch.
[ERROR] Re-run Maven using the -X switch to enable full debug logging.
[ERROR] For more information about the errors and possible solutions, please read the following articles:
[ERROR] [Help 1] MojoExecutionException
"""


def test_a_download_is_tried_again(tmp_path: Path) -> None:
    with stamina.set_testing(True, attempts=FETCH_TRIES):
        download("It cannot be fetched", [sys.executable, "-c", FAILS_TWICE], tmp_path)
        assert (tmp_path / "tries").read_text() == "xxx"
        with pytest.raises(servers.Unavailable, match="It cannot be fetched: no network"):
            download("It cannot be fetched", [sys.executable, "-c", "print('no network'); exit(1)"], tmp_path)


def test_a_failure_names_the_first_errors() -> None:
    assert first_errors(MAVEN)[0].endswith("elasticsearch.zip: Connection reset -> [Help 1]")
    progress = "go: downloading example.org/x v1.0.0\n"
    assert first_errors(progress + "go: example.org/x: connection refused\n") == [
        "go: example.org/x: connection refused"
    ]
