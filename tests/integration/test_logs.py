"""The log of every process: one record a line, key=value, on stderr; in the same style whoever logs it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from app.log.postgres.retention import child_name
from tests.integration.test_up_run import described, start

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"timestamp=\d{4}-\S+Z level=(?P<level>\w+) logger=(?P<logger>\S+) event=(?P<event>\"[^\"]*\"|\S+)")

EMITS = """
import logging, structlog
from app.runtime import logs
logs.configure("INFO")
structlog.get_logger().info("of_structlog", text="a = b", number=1)
structlog.get_logger().debug("below_the_level")
logging.getLogger("aiokafka.conn").error("Unable to connect to %s", "b1")
logging.getLogger("faust.app").info("a step of a service")
try:
    secret = "hunter2"
    raise ValueError("two\\nlines")
except ValueError:
    logging.getLogger("of.a.library").exception("it failed")
"""


def lines(text: str) -> list[re.Match[str]]:
    """Return the parts of each line; every line must be a record."""
    matches = [(LINE.match(line), line) for line in text.splitlines()]
    assert matches
    assert [line for match, line in matches if match is None] == []
    return [match for match, _ in matches if match is not None]


@contextmanager
def running(module: str, settings: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """Run a process until its block ends; it is ready when the block begins."""
    reading, writing = os.pipe()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FAULTLINE_")}
    environment |= {"PYTHONPATH": str(ROOT), "FAULTLINE_READY_FD": str(writing), "FAULTLINE_PRT": "1"}
    environment |= {f"FAULTLINE_{name.upper()}": value for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", module], env=environment, cwd=ROOT, pass_fds=[writing], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.readline()
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: "subprocess.Popen[str]") -> str:
    """End a process by SIGTERM and return its stderr; its stdout must be empty."""
    process.send_signal(signal.SIGTERM)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    return error


def test_structlog_and_the_libraries_share_a_style_without_local_variables() -> None:
    done = subprocess.run([sys.executable, "-c", EMITS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    first, library, failure = lines(done.stderr)
    assert (first["level"], first["logger"], first["event"]) == ("info", "__main__", "of_structlog")
    assert first.string.endswith('text="a = b" number=1')
    assert (library["level"], library["event"]) == ("error", '"Unable to connect to b1"')
    assert "ValueError: two\\nlines" in failure.string
    assert "hunter2'" not in failure.string


def test_a_terminal_gets_lines_for_people() -> None:
    reading, terminal = os.openpty()
    subprocess.run([sys.executable, "-c", EMITS], cwd=ROOT, stderr=terminal, check=True)
    os.close(terminal)
    text = os.read(reading, 1 << 16).decode()
    os.close(reading)
    assert "of_structlog" in text
    assert "event=" not in text


async def test_a_worker_logs_what_its_agents_and_libraries_say(database: str, tmp_path: Path) -> None:
    old = (datetime.now(UTC) - timedelta(days=9)).date()
    connection = await asyncpg.connect(database)
    await connection.execute(
        f"create table {child_name(old)} partition of log_records for values from ('{old}') to ('{old + timedelta(1)}')"
    )
    settings = {"database": database, "data": str(tmp_path), "partitions": "2"}
    with running("app.runtime.worker", settings) as process:
        while await connection.fetchval("select to_regclass($1)", child_name(old)):
            pass
        await connection.close()
        records = lines(ended(process))
    events = {record["event"]: record["logger"] for record in records}
    assert events["log_day_dropped"] == "app.runtime.housekeeping"
    assert '"ready: crashes, sessions, timings, rates, archive, search"' in events
    assert any("FAULTLINE_PRT is no setting" in event for event in events)


def test_a_server_logs_in_this_style(database: str, tmp_path: Path) -> None:
    with running("app.runtime.server", {"database": database, "data": str(tmp_path), "port": "0"}) as process:
        records = lines(ended(process))
    assert "serving" in {record["event"] for record in records}
    assert any("FAULTLINE_PRT is no setting" in record["event"] for record in records)


def test_up_and_the_log_files_of_its_children_are_in_this_style(database: str, tmp_path: Path) -> None:
    process = start(tmp_path, database=database)
    described(tmp_path, process)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=120)
    assert [record["event"] for record in lines(error)].count("child_ready") == 2
    for name in ("server", "worker"):
        assert lines((tmp_path / "logs" / f"{name}.log").read_text())
