"""Supervised children: small real processes."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from app.runtime.supervise import Child, NeverReady

READY = """
import os, sys, time
os.write(int(os.environ["FAULTLINE_READY_FD"]), b'{"port": 7}\\n')
print("hello from", os.getpid(), flush=True)
os.read(int(os.environ["FAULTLINE_PARENT_FD"]), 1)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + READY
NEVER = "import sys; print('port 80 is taken'); sys.exit(3)"

Keep = Callable[[str], Awaitable[tuple[Child, "asyncio.Queue[int | None]", "asyncio.Task[None]"]]]


@pytest.fixture
async def keep(tmp_path: Path) -> AsyncIterator[Keep]:
    """Yield a function that keeps a child running this code; the queue gets its pid at each readiness."""
    reading, writing = os.pipe()
    tasks = []

    async def start(code: str) -> tuple[Child, "asyncio.Queue[int | None]", "asyncio.Task[None]"]:
        ready: asyncio.Queue[int | None] = asyncio.Queue()
        child = Child(
            "child",
            [sys.executable, "-c", code],
            tmp_path / "child.log",
            lambda: dict(os.environ),
            lambda child: ready.put_nowait(child.pid),
        )
        task = asyncio.create_task(child.keep(reading))
        tasks.append(task)
        return child, ready, task

    yield start
    os.close(writing)
    await asyncio.gather(*tasks, return_exceptions=True)
    os.close(reading)


async def test_reports_readiness_and_ends_at_a_stop(keep: Keep, tmp_path: Path) -> None:
    child, ready, task = await keep(READY)
    pid = await ready.get()
    assert child.reported == {"port": 7}
    await child.stop(10)
    await task
    assert child.pid is None
    assert (tmp_path / "child.log").read_text() in ("", f"hello from {pid}\n")


async def test_starts_again_when_it_is_killed(keep: Keep) -> None:
    child, ready, task = await keep(READY)
    pids = []
    for _ in range(3):
        pid = await ready.get()
        assert pid is not None
        pids.append(pid)
        if len(pids) < 3:
            os.kill(pid, 9)
    assert len(set(pids)) == 3
    assert child.pid == pids[-1]
    await child.stop(10)
    await task


async def test_a_child_that_does_not_end_is_killed(keep: Keep) -> None:
    child, ready, task = await keep(STUBBORN)
    await ready.get()
    await child.stop(0.2)
    await task


async def test_a_child_that_is_never_ready_is_given_up_with_its_output(keep: Keep) -> None:
    _, _, task = await keep(NEVER)
    with pytest.raises(NeverReady, match=r"exit code 3.*\n.*port 80 is taken"):
        await task
