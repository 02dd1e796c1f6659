"""The embedded PostgreSQL with its real programs: made, stopped, killed, started again."""

import asyncio
import contextlib
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import psutil
import pytest

from app.embedded import EmbeddedError, EmbeddedPostgres, identity, postmaster, programs, running_url
from app.log.contract import LogUnavailable, NewRecord, TopicSpec
from app.log.postgres.log import PostgresLog
from app.stores.admin.migrate import migrate

OWNER = """
import sys, time
from pathlib import Path
from app.embedded import EmbeddedPostgres
print(EmbeddedPostgres(Path(sys.argv[1])).start(), flush=True)
time.sleep(1000)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of one cluster for all tests here, as making one takes a second; it has a table ``kept``."""
    folder = tmp_path_factory.mktemp("embedded") / "postgres"
    server = EmbeddedPostgres(folder)
    ask(server.start(), "create table kept (word text)")
    server.stop()
    return folder


def ask(url: str, statement: str) -> object:
    async def once() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(once())


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; the time-out of the test bounds the wait."""
    while not condition():
        time.sleep(0.02)


def owner(folder: Path) -> "tuple[subprocess.Popen[str], str]":
    """Start a process that owns a server, and return its URL too."""
    process = subprocess.Popen([sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def test_a_restart_keeps_the_data_and_a_stop_leaves_no_process(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    url = server.start()
    assert running_url(folder) == url
    assert ask(url, "select 1 from pg_roles where rolname = 'faultline' and rolsuper") == 1
    ask(url, "insert into kept values ('stopped') returning 1")
    server.stop()
    assert running_url(folder) is None
    assert postmaster.processes(folder / "data") == []
    assert ask(server.start(), "select count(*) from kept where word = 'stopped'") == 1
    server.stop()


def test_only_its_owner_gets_in(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    url = server.start()
    try:
        assert ask(url, "show listen_addresses") == ""
        for path in (folder, folder / "data", folder / "socket"):
            assert path.stat().st_mode & 0o077 == 0
        assert (folder / "password").stat().st_mode & 0o177 == 0
        with pytest.raises(asyncpg.InvalidPasswordError):
            ask(f"postgresql://faultline:wrong@/faultline?host={folder / 'socket'}", "select 1")
    finally:
        server.stop()


def test_ends_when_its_owner_is_killed_and_loses_no_commit(folder: Path) -> None:
    process, url = owner(folder)
    ask(url, "insert into kept values ('owner killed') returning 1")
    kill(process)
    until(lambda: postmaster.processes(folder / "data") == [])
    server = EmbeddedPostgres(folder)
    assert ask(server.start(), "select count(*) from kept where word = 'owner killed'") == 1
    server.stop()


def test_starts_while_the_killed_owners_server_is_still_there(folder: Path) -> None:
    process, url = owner(folder)
    kill(process)
    server = EmbeddedPostgres(folder)
    assert server.start() == url
    assert ask(url, "select 1") == 1
    server.stop()


def test_survives_kill_9_of_everything(folder: Path) -> None:
    process, url = owner(folder)
    ask(url, "insert into kept values ('all killed') returning 1")
    for each in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    process.communicate()
    assert (folder / "data" / "postmaster.pid").exists()
    server = EmbeddedPostgres(folder)
    assert ask(server.start(), "select count(*) from kept where word = 'all killed'") == 1
    server.stop()


def test_a_server_whose_guardian_was_killed_ends_too(folder: Path) -> None:
    process, _ = owner(folder)
    [guardian] = psutil.Process(process.pid).children()
    guardian.kill()
    if sys.platform == "linux":
        until(lambda: postmaster.processes(folder / "data") == [])
    kill(process)
    server = EmbeddedPostgres(folder)
    server.start()
    server.stop()


def test_a_stale_file_that_names_a_foreign_process_does_not_block(folder: Path) -> None:
    lines = [str(os.getppid()), str(folder / "data"), "1", "5432", str(folder / "socket"), "", "1 1", "ready   "]
    (folder / "data" / "postmaster.pid").write_text("\n".join(lines) + "\n")
    server = EmbeddedPostgres(folder)
    assert ask(server.start(), "select 1") == 1
    server.stop()


def test_a_server_that_died_is_started_again_at_the_same_address(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    url = server.start()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: server.poll() is not None)
    assert server.start() == url
    server.stop()


def test_a_second_owner_gets_the_pid_of_the_first(folder: Path) -> None:
    process, url = owner(folder)
    with pytest.raises(EmbeddedError, match=f"in use by process {process.pid}"):
        EmbeddedPostgres(folder).start()
    assert ask(url, "select 1") == 1
    kill(process)


def test_another_major_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedError, match="is of PostgreSQL 17, and this Faultline brings 18"):
        EmbeddedPostgres(tmp_path).start()
    (tmp_path / "data" / "PG_VERSION").write_text("18\n")


def test_a_cluster_half_made_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "data.new").mkdir()
    (tmp_path / "data.new" / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(tmp_path)
    assert ask(server.start(), "select 1") == 1
    server.stop()


def test_a_database_that_could_not_be_made_leaves_no_cluster_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("app.embedded.server.USER", "template1")  # this database is there: the statement is refused
        with pytest.raises(EmbeddedError, match="template1"):
            EmbeddedPostgres(tmp_path / "postgres").start()
    server = EmbeddedPostgres(tmp_path / "postgres")
    assert ask(server.start(), "select current_database()") == "faultline"
    server.stop()


@pytest.mark.parametrize("name", ["d" * 100, 'odd, "name"'])
def test_a_folder_that_no_socket_can_be_in_gets_a_private_one_elsewhere(tmp_path: Path, name: str) -> None:
    deep = tmp_path / name / "postgres"
    server = EmbeddedPostgres(deep)
    url = server.start()
    found = postmaster.read(deep / "data")
    assert found is not None
    assert found.socket_dir.stat().st_mode & 0o077 == 0
    assert ask(url, "select 1") == 1
    server.stop()
    assert not found.socket_dir.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a choice of who the server runs as")
def test_where_namespaces_are_refused_root_drops_to_an_ordinary_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = identity._refusal

    def no_namespaces(who: str, folder: Path) -> str | None:
        return "unshare: Operation not permitted" if who.startswith("namespace") else refusal(who, folder)

    monkeypatch.setattr(identity, "_refusal", no_namespaces)
    folder = tmp_path / "postgres"
    tmp_path.chmod(0o700)
    server = EmbeddedPostgres(folder)
    url = server.start()
    assert ask(url, "create table kept (word text)") is None
    assert server.pid is not None
    assert psutil.Process(server.pid).uids().real != 0
    server.stop()
    monkeypatch.undo()
    assert ask(server.start(), "select count(*) from kept") == 0  # the owner of the cluster decides
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; others are one already")
def test_an_ordinary_user_needs_nothing_special(tmp_path: Path) -> None:
    user = pwd.getpwnam("nobody")
    folder = tmp_path / "postgres"
    folder.mkdir()
    os.chown(folder, user.pw_uid, user.pw_gid)
    as_user = programs.shim(f"drop:{user.pw_uid}:{user.pw_gid}")
    process = subprocess.Popen([*as_user, sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    assert ask(url, "select 1") == 1
    found = postmaster.read(folder / "data")
    assert found is not None
    assert psutil.Process(found.pid).uids().real == user.pw_uid
    process.terminate()
    process.communicate()
    until(lambda: postmaster.processes(folder / "data") == [])


async def test_the_log_works_again_when_the_server_is_back(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    url = server.start()
    connection = await asyncpg.connect(url)
    await migrate(connection)
    await connection.close()
    record = NewRecord("1.crashes", 0, b"key", b"value", {}, 0)
    async with PostgresLog(url) as log:
        await log.ensure([TopicSpec("1.crashes", 1)])
        tail = log.tail("1.crashes", {0: 0})
        assert await log.append([record]) == [0]
        assert [each.offset for each in await anext(tail)] == [0]
        following = asyncio.ensure_future(anext(tail))
        server.stop()
        with pytest.raises(LogUnavailable):
            await log.append([record])
        with pytest.raises(LogUnavailable):
            await log.read("1.crashes", 0, 0)
        assert not following.done()
        server.start()
        assert await log.append([record]) == [1]
        assert [each.offset for each in await following] == [1]
        assert len(await log.read("1.crashes", 0, 0)) == 2
    server.stop()


def test_a_folder_that_was_moved_while_it_was_stopped_starts_where_it_is(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "first")
    ask(server.start(), "create table kept (word text)")
    server.stop()
    (tmp_path / "first").rename(tmp_path / "second")
    server = EmbeddedPostgres(tmp_path / "second")
    url = server.start()
    assert str(tmp_path / "second") in url
    assert ask(url, "select count(*) from kept") == 0
    server.stop()
