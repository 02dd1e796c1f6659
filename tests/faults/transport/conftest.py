"""A log with records of known truth, and worker processes that count them, to be killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from app.log.contract import LogUnavailable, NewRecord, TopicSpec
from app.log.open import AnyLog, open_log
from app.settings import Settings

ROOT = Path(__file__).parents[3]
SOURCE = "1.crashes"
CHANGELOG = "1.faultline-counter-counts-changelog"
GROUP = "faultline-counter"
PARTITIONS = 4
LIMIT = 60.0


class Process:
    """One worker process."""

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        ready, says = os.pipe()
        parent, self.alive = os.pipe()
        self.output = (folder / f"worker-{says}.txt").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("counting_worker.py"))],
            env={**os.environ, **environ, "FAULTLINE_READY_FD": str(says), "FAULTLINE_PARENT_FD": str(parent)},
            pass_fds=[says, parent],
            cwd=folder,
            stdout=self.output,
            stderr=subprocess.STDOUT,
        )
        os.close(says)
        os.close(parent)
        self._ready = ready

    async def ready(self) -> "Process":
        line = await asyncio.to_thread(os.read, self._ready, 100)
        assert line == b'{"ready": true}\n', self.text()
        return self

    def send(self, what: signal.Signals) -> None:
        self.process.send_signal(what)

    async def ended(self) -> int:
        return await asyncio.to_thread(self.process.wait, LIMIT)

    def text(self) -> str:
        self.output.seek(0)
        return self.output.read()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for fd in (self._ready, self.alive):
            if fd >= 0:
                os.close(fd)
        self.output.close()

    def orphan(self) -> None:
        """Close the pipe by which it sees that its parent has ended."""
        os.close(self.alive)
        self.alive = -1


class Bench:
    """The log, what was appended to it, and the workers."""

    def __init__(self, log: AnyLog, settings: Settings, folder: Path) -> None:
        self.log = log
        self.settings = settings
        self.url = settings.database_url
        self.folder = folder
        self.truth: Counter[tuple[int, bytes]] = Counter()
        self.processes: list[Process] = []

    def start(self, name: str = "a", **environ: str) -> Process:
        (self.folder / name).mkdir(exist_ok=True)
        process = Process(
            {
                "FAULTLINE_DATABASE": self.url,
                "FAULTLINE_LOG": self.settings.log,
                "FAULTLINE_KAFKA_SESSION": "6",
                "FAULTLINE_DATA": str(self.folder / name),
                "FAULTLINE_PARTITIONS": str(PARTITIONS),
                "FAULTLINE_BATCH_RECORDS": "50",
                "FAULTLINE_DRAIN_SECONDS": "1",
                "PYTHONPATH": str(ROOT),
                **environ,
            },
            self.folder,
        )
        self.processes.append(process)
        return process

    async def append(self, count: int) -> None:
        for start in range(0, count, 500):
            numbers = range(start, min(start + 500, count))
            where = [(n % PARTITIONS, b"key-%d" % (n % 17)) for n in numbers]
            await self.log.append([NewRecord(SOURCE, p, key, b"x" * 100, {}, 0) for p, key in where])
            self.truth.update(where)

    async def committed(self) -> int:
        return sum((await self.log.committed(GROUP, SOURCE)).values())

    async def until(self, condition: Callable[[int], bool]) -> None:
        """Wait until the committed count fulfils the condition, without limit while there is progress."""
        known = -1
        while True:
            async with asyncio.timeout(LIMIT):
                known = await self._other_than(known, condition)
                if condition(known):
                    return

    async def _other_than(self, known: int, condition: Callable[[int], bool]) -> int:
        """Return the committed count once it differs or fulfils the condition."""
        while True:
            with suppress(LogUnavailable):
                found = await self.committed()
                if found != known or condition(found):
                    return found
            await asyncio.sleep(0.02)

    async def counts(self) -> Counter[tuple[int, bytes]]:
        found: Counter[tuple[int, bytes]] = Counter()
        for partition in range(PARTITIONS):
            for key, value in (await self._state(partition)).items():
                found[partition, key] = int.from_bytes(value[:8], "big")
        return found

    async def _state(self, partition: int) -> dict[bytes, bytes]:
        """Return the changelog's state as the workers read it: of each key the record with the greatest offset."""
        state: dict[bytes, bytes] = {}
        position = 0
        while records := await self.log.read(CHANGELOG, partition, position):
            for record in records:
                assert record.key is not None
                assert record.value is not None
                if record.value[8:] > state.get(record.key, b"")[8:]:
                    state[record.key] = record.value
            position = records[-1].offset + 1
        return state


@pytest.fixture(params=["postgres", "kafka"])
def log_kind(request: pytest.FixtureRequest) -> str:
    """Return the kind of log that the test runs on; a test of one log alone parametrises this name."""
    kind: str = request.param
    return kind


@pytest.fixture
def log_setting(request: pytest.FixtureRequest, log_kind: str) -> str:
    """Return FAULTLINE_LOG; Kafka is started only where it is used."""
    setting: str = request.getfixturevalue("kafka_url") if log_kind == "kafka" else "database:"
    return setting


@pytest.fixture
async def bench(database: str, log_setting: str, tmp_path: Path) -> AsyncIterator[Bench]:
    settings = Settings(database=database, log=log_setting, data=str(tmp_path))
    async with open_log(settings) as log:
        await log.ensure([TopicSpec(SOURCE, PARTITIONS)])
        made = Bench(log, settings, tmp_path)
        yield made
        for process in made.processes:
            process.close()
