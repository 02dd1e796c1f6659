"""Resident memory of one worker with all roles, which may depend on settings alone (ARCHITECTURE.md, "Memory").

Four kinds of traffic, each of the same number of events and on a new installation: few groups; a new group, release and
user with each event; some reports twenty times as large; all events waiting when the worker starts. Each is sent in
four equal quarters (the last at once). Printed are the memory after each quarter as a ratio to that after the first,
and the peak of each traffic as a ratio to that of few groups.

Bounded caches fill in the first quarters, so that a longer run is stricter: ``--events 200000`` has 198,000 groups. The
tables get a small cache, which the first quarter fills.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from app.log.contract import NewRecord, TopicSpec
from app.log.postgres.log import PostgresLog
from app.settings import Settings
from app.topics import CRASHES, DELTAS, PROCESSED, qualified
from tests.bench import events, site
from tests.bench.ratios import Better, Figure, console
from tests.bench.site import Measured

QUARTERS: Final = 4
APPENDED: Final = 200
"""Records of one append while the worker is at work."""

ROCKSDB_MB: Final = 16
LARGE: Final = 100_000
"""Bytes that a large report has more than the others; one report in ``SELDOM`` is large."""

SELDOM: Final = 20
GROWTH: Final = 1.25
"""Limit of the last quarter over the first: with 40,000 groups, a kilobyte kept of each exceeds it."""

APART: Final = 1.35
"""Limit of any traffic's peak over that of few groups."""

LETTERS: Final = str.maketrans("0123456789", "abcdefghij")
LESS: Final[Better] = "less"

SOURCE: Final = qualified(1, CRASHES)
TOPICS: Final = {
    "faultline-crashes": SOURCE,
    "faultline-rates": qualified(1, DELTAS),
    "faultline-archive": qualified(1, PROCESSED),
    "faultline-search": qualified(1, PROCESSED),
}


class Traffic(NamedTuple):
    """One kind of traffic: how its reports differ from those of ``events``."""

    name: str
    apart: bool = False
    large: bool = False
    waiting: bool = False


class Used(NamedTuple):
    """Resident bytes after each quarter, and at the peak."""

    quarters: list[int]
    peak: int


FEW: Final = Traffic("few groups")
TRAFFIC: Final = (
    FEW,
    Traffic("each event a group, a release and a user", apart=True),
    Traffic(f"one report in {SELDOM} of 100 KB", large=True),
    Traffic("few groups, all waiting at the start", waiting=True),
)


async def run(folder: Path, url: str, count: int, rounds: int) -> list[Figure]:  # noqa: ARG001  growth needs length, no rounds
    """Measure each traffic; print and return the ratios."""
    console.print(f"[bold]memory[/bold]: {count} events, {events.source()}, one worker with {Settings().roles}")
    used: dict[Traffic, Used] = {}
    figures: list[Figure] = []
    for number, traffic in enumerate(TRAFFIC):
        used[traffic] = await _measure(folder / f"memory {number}", url, traffic, count)
        figures += _report(traffic, used[traffic], used[FEW])
    return figures


def _report(traffic: Traffic, used: Used, few: Used) -> list[Figure]:
    """Print one traffic's lines and return its figures."""
    first, last = used.quarters[0], used.quarters[-1]
    figures = []
    console.print(f"  {traffic.name}: {last >> 20} MiB at the end, {used.peak >> 20} MiB at the peak")
    if len(used.quarters) > 1:
        console.print(f"    by quarters {' '.join(f'{size / first:.2f}' for size in used.quarters)}")
        figures.append(_line(traffic, "last quarter : first", last / first, GROWTH))
    if traffic != FEW:
        figures.append(_line(traffic, "peak : that of few groups", used.peak / few.peak, APART))
    return figures


def _line(traffic: Traffic, what: str, ratio: float, limit: float) -> Figure:
    verdict = "met" if ratio <= limit else "NOT met"
    console.print(f"    {what} [bold]{ratio:.2f} x[/bold]   limit <= {limit:g} x: {verdict}")
    return Figure(f"{traffic.name}, {what}", ratio, ratio, ratio, LESS)


async def _measure(folder: Path, url: str, traffic: Traffic, count: int) -> Used:
    """Run a new installation through all quarters."""
    database = await site.make(url, "run")
    try:
        project = await site.prepare(database)
        sent = _records(project.id, count, traffic)
        async with PostgresLog(database) as log:
            await log.ensure([TopicSpec(topic, site.PARTITIONS) for topic in set(TOPICS.values())])
            if traffic.waiting:
                await _append(log, sent, count)
            with _worker(folder, database) as process:
                process.wait_ready()
                parts = 1 if traffic.waiting else QUARTERS
                quarters = [await _quarter(log, process, sent, count // parts) for _ in range(parts)]
                return Used(quarters, process.peak)
    finally:
        await site.drop(url, "run")


def _worker(folder: Path, database: str) -> AbstractContextManager[Measured]:
    settings = {"DATABASE": database, "PARTITIONS": str(site.PARTITIONS), "ROCKSDB_MB": str(ROCKSDB_MB)}
    return site.measured("app.runtime.worker", folder, settings)


async def _quarter(log: PostgresLog, process: Measured, sent: Iterator[NewRecord], count: int) -> int:
    """Append, wait until all roles have committed it; return the worker's resident bytes."""
    await _append(log, sent, count, process)
    await process.until(lambda: site.caught_up(log, TOPICS))
    return process.resident()


async def _append(log: PostgresLog, sent: Iterator[NewRecord], count: int, process: Measured | None = None) -> None:
    left = islice(sent, count)
    while records := list(islice(left, APPENDED)):
        await log.append(records)
        if process is not None:
            process.cpu()  # notes the peak


def _records(project: int, count: int, traffic: Traffic) -> Iterator[NewRecord]:
    for number, (event_id, received, payload) in enumerate(events.bodies(count)):
        body = orjson.dumps(_changed(orjson.loads(payload), number, event_id, traffic))
        yield from events.kept(project, site.PARTITIONS, event_id, received, body)


def _changed(event: dict[str, Any], number: int, event_id: str, traffic: Traffic) -> dict[str, Any]:
    """Change a report as the traffic says, by letters in its type: grouping takes digits in names for data."""
    if traffic.apart:
        name = f"{number}".translate(LETTERS)
        event |= {"release": f"shop@{number}", "user": {"id": event_id}}
        raised = event.get("exception", {}).get("values") or [{"value": "no stock"}]
        event["exception"] = {"values": [*raised[:-1], raised[-1] | {"type": f"Error{name}"}]}
    if traffic.large and number % SELDOM == 0:
        event["extra"] = {"cart": (event_id * (LARGE // len(event_id)))}
    return event
