"""The price of an event at a steady rate, and of idleness: what a small installation pays.

Runs ``faultline up`` as a user does, on a folder of its own, and sends it reports at 1, 10, 100 and 400 a second. Each
figure is the difference of two readings divided by the events between them:

- **CPU**: user and system time of every process of the installation, PostgreSQL among them; the sender is not counted.
- **writing transactions**: the difference of ``pg_snapshot_xmax(pg_current_snapshot())``.
- **WAL fsyncs** (``pg_stat_io``) and **WAL bytes** (``pg_current_wal_lsn``).

At rest it reads CPU, voluntary context switches of all threads (wake-ups) and PSS. A ratio to the price at the highest
rate of the same run says what rounds and shared transactions save.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg
import psutil

from app.embedded import running_url
from app.settings import Settings
from tests.bench import client, cpu
from tests.bench.ratios import console
from tests.support.installation import Installation

RATES: Final = (1, 10, 100, 400)
SECONDS: Final = 20.0
IDLE_SECONDS: Final = 20.0
ROLES: Final = Settings().role_names
SETTLE_SECONDS: Final = 6.0
"""After a rate: what waits for rounds, idle marks and flushes belongs to the rate before."""
WARM: Final = 200

_READ: Final = """
select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as transactions,
       pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint as wal,
       coalesce((select sum(fsyncs) from pg_stat_io where object = 'wal'), 0)::bigint as fsyncs"""


class Reading(NamedTuple):
    """What was used since the installation began; ``wakes`` and ``pss`` are of the processes that live now."""

    cpu: float
    parts: dict[str, float]
    """CPU seconds by part of the installation."""
    transactions: int
    fsyncs: int
    wal: int
    wakes: int
    pss: int


async def run(_folder: Path, rates: tuple[float, ...] = RATES, seconds: float = SECONDS) -> None:
    """Measure each rate and idleness, and print them."""
    with tempfile.TemporaryDirectory(prefix="faultline-price-") as name, Installation(Path(name) / "data") as running:
        connection = await asyncpg.connect(running_url(running.data / "postgres"))
        try:
            await _measure(running, connection, rates, seconds)
        finally:
            await connection.close()


async def _measure(
    running: Installation, connection: "asyncpg.Connection[asyncpg.Record]", rates: tuple[float, ...], seconds: float
) -> None:
    await _send(running, WARM, 100, 1)
    await asyncio.sleep(SETTLE_SECONDS)
    console.print(f"[bold]price[/bold]: one installation on its embedded PostgreSQL, {seconds:.0f} s a rate, two cores")
    before = await _read(running, connection)
    await asyncio.sleep(IDLE_SECONDS)
    after = await _read(running, connection)
    console.print(
        f"  idle: {(after.cpu - before.cpu) / IDLE_SECONDS:.2%} of a core,"
        f" {(after.wakes - before.wakes) / IDLE_SECONDS:.0f} wake-ups/s, PSS {after.pss / 2**20:.0f} MiB,"
        f" {(after.transactions - before.transactions) / IDLE_SECONDS:.1f} transactions/s"
    )
    for number, rate in enumerate(rates):
        count = max(round(rate * seconds), 5)
        before = await _read(running, connection)
        await _send(running, count, rate, 100 + number)
        await asyncio.sleep(SETTLE_SECONDS)
        after = await _read(running, connection)
        console.print(f"  {rate:>4g}/s: {_each(before, after, count)}")


def _each(before: Reading, after: Reading, count: int) -> str:
    parts = ", ".join(
        f"{name} {(seconds - before.parts.get(name, 0.0)) / count * 1000:.2f}" for name, seconds in after.parts.items()
    )
    return (
        f"({parts}) "
        f"{(after.cpu - before.cpu) / count * 1000:.2f} ms of CPU,"
        f" {(after.transactions - before.transactions) / count:.2f} writing transactions,"
        f" {(after.fsyncs - before.fsyncs) / count:.2f} WAL fsyncs,"
        f" {(after.wal - before.wal) / count / 1024:.1f} KB of WAL an event"
    )


async def _send(running: Installation, count: int, rate: float, seed: int) -> None:
    """Send ``count`` reports at ``rate`` a second, each when it is due, over as many connections as that takes."""
    project = running.project
    key = project["dsn"].split("//")[1].split("@")[0]
    port = int(running.url.rsplit(":", 1)[1])
    due = _due(client.requests(str(project["id"]), key, count, seed), rate)
    await asyncio.gather(*(_sender(port, due) for _ in range(min(8, count))))


def _due(requests: Iterator[bytes], rate: float) -> Iterator[tuple[float, bytes]]:
    began = time.monotonic()
    for number, request in enumerate(list(requests)):
        yield began + number / rate, request


async def _sender(port: int, due: Iterator[tuple[float, bytes]]) -> None:
    for at, request in due:
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        await client.send(port, iter([request]))


async def _read(running: Installation, connection: "asyncpg.Connection[asyncpg.Record]") -> Reading:
    row = await connection.fetchrow(_READ)
    assert row is not None
    processes = list(_processes(running))
    return Reading(
        cpu=cpu.tree_seconds(processes[0].pid),
        parts=_parts(running, processes[0]),
        transactions=row["transactions"],
        fsyncs=row["fsyncs"],
        wal=row["wal"],
        wakes=sum(_wakes(process.pid) for process in processes),
        pss=sum(_pss(process.pid) for process in processes),
    )


def _processes(running: Installation) -> Iterator[psutil.Process]:
    """Yield the supervisor, then every process below it."""
    root = psutil.Process(next(int(pid) for pid in running.facts["pids"].values())).parent()
    assert root is not None
    yield root
    yield from root.children(recursive=True)


def _parts(running: Installation, root: psutil.Process) -> dict[str, float]:
    names = {int(pid): name for name, pid in running.facts["pids"].items()}
    parts: dict[str, float] = {"up": sum(root.cpu_times()[:2])}
    for child in root.children():
        name = "worker" if names.get(child.pid) in ROLES else names.get(child.pid, "postgres")
        parts[name] = parts.get(name, 0.0) + cpu.tree_seconds(child.pid)
    return parts


def _wakes(pid: int) -> int:
    """Return the voluntary context switches of all threads of a process."""
    total = 0
    for task in Path(f"/proc/{pid}/task").glob("*/status"):
        try:
            text = task.read_text()
        except OSError:
            continue
        total += int(text.partition("\nvoluntary_ctxt_switches:")[2].split()[0])
    return total


def _pss(pid: int) -> int:
    """Return the bytes of a process's proportional set."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return int(text.partition("\nPss:")[2].split()[0]) * 1024


if __name__ == "__main__":
    chosen = tuple(float(value) for value in sys.argv[1:]) or RATES
    asyncio.run(run(Path(os.curdir), chosen))
