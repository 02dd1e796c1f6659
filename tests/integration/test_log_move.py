"""The log moves between PostgreSQL and Kafka: nothing is lost, a retry stays a duplicate, a session continues."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
import msgspec
import pytest

from app.log.contract import LogSealed, NewRecord
from app.log.open import open_log
from app.runtime.server import running
from app.settings import Settings
from app.stores.admin import access
from app.stores.admin.projects import Project, Projects
from tests.integration.test_cli import faultline

ROOT = Path(__file__).parents[2]
START = int(time.time())


def started(environment: dict[str, str], ready_fd: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "app.runtime.worker"]
    return subprocess.Popen(command, env=environment, pass_fds=(ready_fd,), cwd=ROOT)


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[None]:
    """Run a worker of all roles until it consumes, and to its end."""
    reading, writing = os.pipe()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FAULTLINE_")}
    ours = {f"FAULTLINE_{name.upper()}": value for name, value in given(settings).items()}
    environment |= {"PYTHONPATH": str(ROOT), "FAULTLINE_READY_FD": str(writing), **ours}
    process = started(environment, writing)
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            assert json.loads(await asyncio.to_thread(pipe.readline)) == {"ready": True}
        yield
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait) == 0
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)


def given(settings: Settings) -> dict[str, str]:
    return {name: str(getattr(settings, name)) for name in ("database", "data", "log", "partitions")}


async def move(settings: Settings, new: str) -> str:
    done = await asyncio.to_thread(faultline, "log", "move", new, **given(settings))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Sender:
    """An application that sends events, and reads their figures from the API."""

    def __init__(self, client: aiohttp.ClientSession, project: Project, token: str) -> None:
        self.client = client
        self.project = project
        self.token = token
        self.port = 0

    async def crash(self, event_id: str) -> int:
        event = {"event_id": event_id, "level": "error", "exception": {"values": [{"type": "E", "value": "boom"}]}}
        return await self._post("store", json.dumps(event))

    async def session(self, sid: str, status: str, *, init: bool) -> int:
        item = {"sid": sid, "did": "user", "init": init, "status": status, "started": _iso(), "attrs": {"release": "1"}}
        return await self._post("envelope", f'{{}}\n{{"type":"session"}}\n{json.dumps(item)}')

    async def _post(self, kind: str, body: str) -> int:
        url = f"http://127.0.0.1:{self.port}/api/{self.project.id}/{kind}/?sentry_key={self.project.sentry_key}"
        async with self.client.post(url, data=body) as reply:
            return reply.status

    async def numbers(self) -> dict[str, int]:
        """Return the sums of today's and yesterday's days."""
        path = f"api/v1/projects/{self.project.id}/rates?window=1d&from={START - 86_400}&to={START + 86_400}"
        points = (await self._get(path))["points"]
        return {name: sum(point[name] or 0 for point in points) for name in ("crashes", "sessions", "crashed_sessions")}

    async def until_duplicates(self, wanted: int) -> None:
        """Wait until the ledger has so many duplicates: its cell may be counted later than the numbers'."""
        path = f"api/v1/ledger?from={START - 3600}&to={START + 3600}"
        async with asyncio.timeout(120):
            while True:
                minutes = (await self._get(path))["minutes"]
                if sum(row["duplicate"] for row in minutes if row["category"] == "error") == wanted:
                    return
                await asyncio.sleep(0.2)

    async def until(self, wanted: dict[str, int]) -> None:
        async with asyncio.timeout(120):
            while await self.numbers() != wanted:
                await asyncio.sleep(0.1)

    async def _get(self, path: str) -> Any:  # noqa: ANN401  JSON
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.client.get(f"http://127.0.0.1:{self.port}/{path}", headers=headers) as reply:
            assert reply.status == 200, await reply.text()
            return await reply.json()


def _iso() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START))


@pytest.fixture
async def sender(database: str) -> AsyncIterator[Sender]:
    async with asyncpg.create_pool(database, min_size=0, max_size=2) as pool, aiohttp.ClientSession() as client:
        project = await Projects(pool).create("Shop")
        yield Sender(client, project, await access.create_token(pool, "test"))


async def first_half(settings: Settings, new: str, sender: Sender, events: list[str], sid: str) -> None:
    """Send, move while a worker still has all of it to do, and find the old log closed."""
    async with running(settings) as port:
        sender.port = port
        for event in events:
            assert await sender.crash(event) == 200
        assert await sender.session(sid, "ok", init=True) == 200
        async with working(settings):
            output = await move(settings, new)
            assert "generation" in output
            assert "drained" in output
        assert await sender.crash(uuid4().hex) == 503
    listed = await asyncio.to_thread(faultline, "log", "show", **given(settings))
    lines = [line.split("\t") for line in listed.stdout.splitlines()]
    assert [(line[0], line[2], line[3]) for line in lines[1:]] == [("1", "2", "sealed"), ("2", "2", "open")]
    doctor = await asyncio.to_thread(faultline, "doctor", **given(settings))
    assert "the log (generation 2) is in" in doctor.stdout
    async with open_log(settings) as log:
        with pytest.raises(LogSealed):
            await log.append([NewRecord("1.crashes", 0, b"k", b"v", {}, 0)])


@pytest.mark.parametrize(
    "back", [False, pytest.param(True, marks=pytest.mark.faults)], ids=["to_kafka", "to_postgresql"]
)
async def test_what_was_sent_before_and_after_a_move_is_counted_once(
    database: str, kafka_url: str, tmp_path: Path, sender: Sender, back: bool
) -> None:
    old, new = (kafka_url, "database:") if back else ("database:", kafka_url)
    before = Settings(database=database, data=str(tmp_path), log=old, partitions=2, port=0)
    after = msgspec.structs.replace(before, log=new)
    events, sid = [uuid4().hex for _ in range(20)], str(uuid4())
    await first_half(before, new, sender, events, sid)
    async with running(after) as port, working(after):
        sender.port = port
        await sender.until({"crashes": 20, "sessions": 1, "crashed_sessions": 0})
        for event in [*events, uuid4().hex]:
            assert await sender.crash(event) == 200
        assert await sender.session(sid, "crashed", init=False) == 200
        await sender.until({"crashes": 21, "sessions": 1, "crashed_sessions": 1})
        await sender.until_duplicates(20)
