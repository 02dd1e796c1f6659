"""Makes a small data folder of the embedded default, by the version of Faultline that is checked out.

``python -m tests.support.make_fixture tests/fixtures/data-X.Y`` writes ``data.tar.zst`` and ``expected.json``, which
``tests/system/test_data_folders.py`` starts later versions on: one folder for each version that changes a format.
``--expected`` keeps the archive and writes ``expected.json`` anew, for words of pages that changed.

Half of the events are consumed. The other half comes while only ingest runs: it stays in the log, and whoever starts on
the folder consumes it. Before ``expected.json`` is written, every number is compared with the known truth.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg

from app.embedded import EmbeddedPostgres
from tests.support import truth
from tests.support.data_folder import ARCHIVE, EXPECTED, KEPT, pack, unpack
from tests.support.installation import Installation
from tests.support.observed import observe, to_go, wait_consumed
from tests.support.ports import free_ports
from tests.support.site import program, run
from tests.support.truth_parts import Request
from tests.support.truth_run import Checker, complete, send

EVENTS: Final = 240
LEFT_OUT: Final = (
    "lock",
    "logs",
    "up.log",
    "faultline.json",
    "postgres/lock",
    "postgres/postgres.log",
    "postgres/data/postmaster.opts",
)
"""Of the data folder: what only the running processes and people read."""
BROKEN: Final = b'{}\n{"type":"event"}\n{"message":"cut off","extra":{"password":"hunter2"},"tags":{'
OTHER_KINDS: Final = ("transaction", "profile", "replay_event", "check_in", "statsd", "user_report", "attachment")
"""Items of Sentry's envelopes that Faultline refuses and counts."""


def main() -> None:
    """Make the fixture in the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--expected", action="store_true", help="write only expected.json, from the archive")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="faultline-fixture-") as name:
        if options.expected:
            _rewrite(options.folder, Path(name) / "data")
        else:
            _make(options.folder, Path(name))


def _make(target: Path, folder: Path) -> None:
    now = round(time.time(), 3)
    with Installation(folder / "data") as site:
        sent = truth.make(site.project, EVENTS, now)
        requests = truth.in_order(sent)
        others = _others(site.project)
        _send(site.url, [*requests[::2], *others])
        asyncio.run(complete(site, time.time()))
        wait_consumed(site)
        project = site.project
    with _ingest_alone(folder / "data") as (url, settings):
        _send(url, [*requests[1::2], *others])
        left = to_go(run(settings, "doctor", check=False))
    _prune(folder)
    pack(folder / "data", target / ARCHIVE)
    unpack(target / ARCHIVE, folder / "again")
    with Installation(folder / "again", KEPT) as site:
        assert site.project["id"] == project["id"]
        asyncio.run(complete(site, time.time()))
        wait_consumed(site)
        asyncio.run(Checker(site, sent).check())
        _write(target, {"now": now, "left": left, **observe(site, now)})


def _rewrite(target: Path, folder: Path) -> None:
    kept = json.loads((target / EXPECTED).read_text())
    unpack(target / ARCHIVE, folder)
    with Installation(folder, KEPT) as site:
        asyncio.run(complete(site, time.time()))
        wait_consumed(site)
        _write(target, {"now": kept["now"], "left": kept["left"], **observe(site, kept["now"])})


def _write(target: Path, expected: dict[str, Any]) -> None:
    text = json.dumps(expected, ensure_ascii=False, indent=1, sort_keys=True)
    (target / EXPECTED).write_text(text + "\n")


def _send(url: str, requests: Sequence[Request]) -> None:
    async def nothing() -> None: ...

    asyncio.run(send(lambda: url, requests, nothing))


def _others(project: dict[str, Any]) -> list[Request]:
    """Return a client report, an item of each refused kind, and a report that becomes a dead letter."""
    discarded = [{"reason": "ratelimit_backoff", "category": "error", "quantity": 3}]
    items = [("client_report", {"timestamp": time.time(), "discarded_events": discarded})]
    items += [(kind, {"note": "not counted by Faultline"}) for kind in OTHER_KINDS]
    bodies = [b"{}\n" + json.dumps({"type": kind}).encode() + b"\n" + json.dumps(item).encode() for kind, item in items]
    key = str(project["dsn"]).split("//")[1].split("@")[0]
    path = f"/api/{project['id']}/envelope/?sentry_key={key}"
    return [Request(path, {}, body) for body in [*bodies, BROKEN]]


@contextmanager
def _ingest_alone(data: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Run PostgreSQL and ``faultline ingest`` on a data folder; yield its address and settings.

    At the end the cluster is shut down so that it packs well.
    """
    server = EmbeddedPostgres(data / "postgres")
    database = server.start()
    (port,) = free_ports(1)
    settings = {
        "FAULTLINE_DATA": str(data), "FAULTLINE_DATABASE": database, "FAULTLINE_PORT": str(port),
        "FAULTLINE_DISK_RESERVE_MB": "64",
    }  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen([program(), "ingest"], env={**os.environ, **settings}) as ingest:
        _wait_for(f"{url}/readyz")
        yield url, settings
        ingest.send_signal(signal.SIGTERM)
    segment = asyncio.run(_settle(database))
    server.stop()
    for path in (data / "postgres" / "data" / "pg_wal").iterdir():
        if path.is_file() and path.name != segment:
            path.unlink()  # before the last checkpoint, or not yet used


async def _settle(database: str) -> str:
    """Drop dead rows and begin a new segment of the WAL; return its name: a shutdown needs no other."""
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("truncate instances")  # names the machine
        await connection.execute("vacuum full")
        await connection.execute("checkpoint")
        await connection.execute("select pg_switch_wal()")
        await connection.execute("checkpoint")
        return str(await connection.fetchval("select pg_walfile_name(pg_current_wal_insert_lsn())"))
    finally:
        await connection.close()


def _wait_for(url: str) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, OSError):
            assert time.monotonic() < end, f"no answer from {url}"
            time.sleep(0.1)
        else:
            return


def _prune(folder: Path) -> None:
    """Remove what only running processes and people read; nothing that is left may hold a path of this machine."""
    data = folder / "data"
    for name in LEFT_OUT:
        path = data / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for path in [*data.rglob("LOG"), *data.rglob("LOG.old.*")]:
        path.unlink()  # RocksDB's own messages
    paths = [os.fsencode(path) for path in (folder, Path(__file__).parents[2], Path.home())]
    named = [path for path in data.rglob("*") if path.is_file() and any(word in path.read_bytes() for word in paths)]
    assert not named, f"these files hold a path of this machine: {named}"


if __name__ == "__main__":
    main()
