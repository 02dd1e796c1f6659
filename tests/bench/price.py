"""The price of an event at a steady rate, and of idleness: what a small installation pays.

Runs ``faultline up`` as a user does, on a folder of its own, and sends it reports at 1, 10, 100 and 400 a second. Each
figure is the difference of two readings divided by the events between them, without what idleness costs in the seconds
that the last events are waited for:

- **CPU**: user and system time of every process of the installation, PostgreSQL among them; the sender is not counted.
- **writing transactions**: the difference of ``pg_snapshot_xmax(pg_current_snapshot())``.
- **WAL fsyncs** (``pg_stat_io``) and **WAL bytes** (``pg_current_wal_lsn``).

At rest it reads CPU, voluntary context switches of all threads (wake-ups) and PSS.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import asyncpg
import psutil

from app.embedded import running_url
from app.settings import Settings
from tests.bench import client, cpu
from tests.bench.ratios import Figure, console
from tests.support.installation import Installation

RATES: Final = (1, 10, 100, 400)
SECONDS: Final = 20
IDLE_SECONDS: Final = 20.0
SETTLE_SECONDS: Final = 6.0
"""After a rate: what waits for rounds, commits and flushes belongs to the rate before."""

WARM: Final = 200
SENDERS: Final = 8
SEED: Final = 100
ROLES: Final = Settings().role_names

_READ: Final = """
select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as transactions,
       pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint as wal,
       coalesce((select sum(fsyncs) from pg_stat_io where object = 'wal'), 0)::bigint as fsyncs"""


class Reading(NamedTuple):
    """What was used since the installation began; ``wakes`` and ``pss`` are of the processes that live now."""

    cpu: float
    """Seconds, of all parts."""
    transactions: float
    fsyncs: float
    wal: float
    """Bytes."""
    wakes: float
    pss: float
    """Bytes."""
    parts: Mapping[str, float]
    """CPU seconds by part of the installation."""


class Price(NamedTuple):
    """What one event costs, or one second of idleness."""

    cpu: float
    """ms."""
    transactions: float
    fsyncs: float
    wal: float
    """KiB."""
    wakes: float
    parts: Mapping[str, float]
    """ms of CPU by part."""


async def run(folder: Path, rounds: int, rates: Sequence[float] = RATES) -> list[Figure]:
    """Measure idleness and each rate ``rounds`` times; print and return their figures."""
    with Installation(folder / "data") as running:
        connection = await asyncpg.connect(running_url(running.data / "postgres"))
        try:
            return await _measure(running, connection, rounds, rates)
        finally:
            await connection.close()


async def _measure(
    running: Installation, connection: "asyncpg.Connection[asyncpg.Record]", rounds: int, rates: Sequence[float]
) -> list[Figure]:
    console.print(
        f"[bold]price[/bold]: one installation on its embedded PostgreSQL, {SECONDS} s a rate, {rounds} rounds"
    )
    await _send(running, WARM, 100, SEED)
    await asyncio.sleep(SETTLE_SECONDS)
    idle: list[Price] = []
    pss: list[float] = []
    prices: dict[float, list[Price]] = {rate: [] for rate in rates}
    for number in range(rounds):
        before = await _read(running, connection)
        await asyncio.sleep(IDLE_SECONDS)
        after = await _read(running, connection)
        idle.append(_price(before, after, IDLE_SECONDS))
        pss.append(after.pss / 2**20)
        for place, rate in enumerate(rates):
            prices[rate].append(await _at(running, connection, rate, SEED + 1 + number * len(rates) + place, idle[-1]))
    return [*_of_idleness(idle, pss), *(figure for rate in rates for figure in _of_rate(rate, prices[rate]))]


async def _at(
    running: Installation, connection: "asyncpg.Connection[asyncpg.Record]", rate: float, seed: int, idle: Price
) -> Price:
    """Return the price at one rate, without idleness while the last events are waited for."""
    count = round(rate * SECONDS)
    before = await _read(running, connection)
    await _send(running, count, rate, seed)
    await asyncio.sleep(SETTLE_SECONDS)
    price, share = _price(before, await _read(running, connection), count), SETTLE_SECONDS / count
    return Price(
        cpu=price.cpu - idle.cpu * share,
        transactions=price.transactions - idle.transactions * share,
        fsyncs=price.fsyncs - idle.fsyncs * share,
        wal=price.wal - idle.wal * share,
        wakes=price.wakes - idle.wakes * share,
        parts={name: ms - idle.parts.get(name, 0.0) * share for name, ms in price.parts.items()},
    )


def _price(before: Reading, after: Reading, count: float) -> Price:
    return Price(
        cpu=(after.cpu - before.cpu) / count * 1000,
        transactions=(after.transactions - before.transactions) / count,
        fsyncs=(after.fsyncs - before.fsyncs) / count,
        wal=(after.wal - before.wal) / count / 1024,
        wakes=(after.wakes - before.wakes) / count,
        parts={name: (seconds - before.parts.get(name, 0.0)) / count * 1000 for name, seconds in after.parts.items()},
    )


def _of_idleness(idle: Sequence[Price], pss: Sequence[float]) -> list[Figure]:
    return [
        _line("idle, share of a core, %", [price.cpu / 10 for price in idle], 0.5),
        _line("idle, wake-ups a second", [price.wakes for price in idle], 10),
        _line("idle, writing transactions a second", [price.transactions for price in idle]),
        _line("PSS, MiB", pss, 250),
    ]


def _of_rate(rate: float, prices: Sequence[Price]) -> list[Figure]:
    aims = {10: (3.0, 4.0, 3.0, 12.0), 100: (1.5, None, None, None)}.get(int(rate), (None, None, None, None))
    figures = [
        _line(f"{rate:g}/s, ms of CPU an event", [price.cpu for price in prices], aims[0]),
        _line(f"{rate:g}/s, writing transactions an event", [price.transactions for price in prices], aims[1]),
        _line(f"{rate:g}/s, WAL fsyncs an event", [price.fsyncs for price in prices], aims[2]),
        _line(f"{rate:g}/s, KiB of WAL an event", [price.wal for price in prices], aims[3]),
    ]
    parts = {name: median(price.parts[name] for price in prices) for name in prices[0].parts}
    console.print(f"    ms of CPU by part: {', '.join(f'{name} {ms:.2f}' for name, ms in parts.items())}")
    return figures


def _line(name: str, values: Sequence[float], aim: float | None = None) -> Figure:
    """Print a figure, beside the most that is aimed at where there is an aim."""
    figure = Figure(name, median(values), min(values), max(values), "less")
    verdict = "" if aim is None else f"   aim <= {aim:g}: {'met' if figure.value <= aim else 'NOT met'}"
    console.print(f"  {name}: [bold]{figure.value:.2f}[/bold] ({figure.least:.2f} to {figure.greatest:.2f}){verdict}")
    return figure


async def _send(running: Installation, count: int, rate: float, seed: int) -> None:
    """Send ``count`` reports at ``rate`` a second, each when it is due, over several connections."""
    project = running.project
    key = project["dsn"].split("//")[1].split("@")[0]
    port = int(running.url.rsplit(":", 1)[1])
    due = _due(client.requests(str(project["id"]), key, count, seed), rate)
    await asyncio.gather(*(_sender(port, due) for _ in range(min(SENDERS, count))))


def _due(requests: Iterator[bytes], rate: float) -> Iterator[tuple[float, bytes]]:
    made = list(requests)
    began = time.monotonic()
    for number, request in enumerate(made):
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
        transactions=row["transactions"],
        fsyncs=row["fsyncs"],
        wal=row["wal"],
        wakes=sum(_wakes(process.pid) for process in processes),
        pss=sum(_pss(process.pid) for process in processes),
        parts=_parts(running, processes[0]),
    )


def _processes(running: Installation) -> Iterator[psutil.Process]:
    """Yield the supervisor, then every process below it."""
    root = psutil.Process(next(int(pid) for pid in running.facts["pids"].values())).parent()
    assert root is not None
    yield root
    yield from root.children(recursive=True)


def _parts(running: Installation, root: psutil.Process) -> dict[str, float]:
    worker = {int(pid) for name, pid in running.facts["pids"].items() if name in ROLES}
    server = int(running.facts["pids"]["ingest"])
    parts: dict[str, float] = {"up": sum(root.cpu_times()[:2])}
    for child in root.children():
        name = "worker" if child.pid in worker else "server" if child.pid == server else "postgres"
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
