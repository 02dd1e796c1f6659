"""End to end on two cores: from the first event sent until all are counted, archived and searchable.

The ratios are those that decide on stores and machines:

- **whole : its log.** The share of the log's own rate that the whole pipeline sustains. The log alone appends the same
  records as ingest does (as many callers at once as there are connections, one record each) and reads them back once.
  Nothing is decoded, grouped, counted, kept or searched, so the ratio is the cost of Faultline beyond the log.
- **servers : PostgreSQL alone**, by rate and by CPU time of an event: the cost or gain of Kafka, Elasticsearch and S3
  on the same machine, before they are scaled out.
- **a process a role : one worker**: the cost of splitting.
- **shares of CPU time**: which part to give cores to first. The sender is in none of them, since SDKs run elsewhere.
  It does run on the two cores, so *busy* counts it: below 1, something waited instead of working.

A run ends when a search finds all that was sent; then the counts in PostgreSQL are compared with that number.
"""

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import asyncpg

from app.log.contract import Log, NewRecord, TopicSpec
from app.log.open import open_log
from app.settings import Settings, load
from app.stores.admin.projects import Project
from app.stores.search.open import open_search
from app.topics import CRASHES, DELTAS, PROCESSED, qualified
from tests.bench import events, ratios, site, stores
from tests.bench.ratios import Figure, Ratio, console
from tests.bench.stores import Stores

SOURCE: Final = qualified(1, CRASHES)
COUNTED: Final = {"faultline-crashes": SOURCE, "faultline-rates": qualified(1, DELTAS)}
KEPT: Final = {f"faultline-{role}": qualified(1, PROCESSED) for role in ("archive", "search")}
ROLES: Final = Settings().role_names
WARM: Final = 1000
"""Events before the measured ones: they make topics and indices and fill caches."""

WARM_SEED: Final = 1000
"""Added to a round's number, so that no event of the warm-up has the id of a measured one."""

CORES: Final = 2
POLL_SECONDS: Final = 0.1
FRESH_SECONDS: Final = 30.0
"""Limit for documents to become searchable; on an idle machine Elasticsearch refreshes an index within a second."""

DAY_MS: Final = 86_400_000


class Side(NamedTuple):
    """One side of a comparison: its set of stores, and whether each role is a process of its own."""

    name: str
    on_servers: bool
    split: bool

    @property
    def processes(self) -> Mapping[str, tuple[str, str]]:
        """By process its module and its roles, by comma."""
        workers = {role: role for role in ROLES} if self.split else {"worker": ",".join(ROLES)}
        return {
            "server": ("app.runtime.server", ""),
            **{name: ("app.runtime.worker", roles) for name, roles in workers.items()},
        }


ALONE: Final = Side("PostgreSQL alone, one worker", on_servers=False, split=False)
SPLIT: Final = Side("PostgreSQL alone, a process a role", on_servers=False, split=True)
SERVERS: Final = Side("Kafka, Elasticsearch, S3, a process a role", on_servers=True, split=True)


class Run(NamedTuple):
    """Seconds of one run: by the clock, of these until all was acknowledged, of CPU by part, of CPU of the sender."""

    seconds: float
    acknowledged: float
    parts: Mapping[str, float]
    sender: float

    @property
    def busy(self) -> float:
        """The share of the two cores that was used, 0 to 1."""
        return (sum(self.parts.values()) + self.sender) / (self.seconds * CORES)


async def run(folder: Path, count: int, rounds: int) -> list[Figure]:
    """Measure by turns; print and return the ratios, only those of PostgreSQL where the servers cannot be had."""
    with stores.opened(folder) as running:
        sides = [ALONE, SPLIT] if running.missing else [ALONE, SPLIT, SERVERS]
        runs: dict[str, list[Run]] = {side.name: [] for side in sides}
        limits: dict[bool, list[float]] = {side.on_servers: [] for side in sides}
        if SERVERS in sides:  # two JVMs that have compiled what they run, as those of an installation have
            await _once(folder, running, SERVERS, "first", count, rounds)
        for number in range(rounds):
            for on_servers, seconds in limits.items():
                seconds.append(await _log_alone(running, f"log{int(on_servers)}{number}", count, on_servers=on_servers))
            for at, side in enumerate(sides):
                runs[side.name].append(await _once(folder, running, side, f"whole{at}{number}", count, number))
    console.print(f"[bold]whole[/bold]: {count} events, {events.source()}, {rounds} rounds by turns, two cores")
    if running.missing:
        console.print(f"  only PostgreSQL alone: {running.missing}")
    figures = [
        ratios.line(f"{side.name} : its log alone", _faster(runs[side.name], limits[side.on_servers])) for side in sides
    ]
    for side, other in ((SPLIT, ALONE), (SERVERS, SPLIT)):
        if side in sides:
            figures += _compared(side, other, runs)
    for name, of_side in runs.items():
        _print_shares(name, of_side)
    return figures


def _faster(ours: Sequence[Run], limit: Sequence[float]) -> Ratio:
    return Ratio.of([1 / run.seconds for run in ours], [1 / seconds for seconds in limit])


def _compared(side: Side, other: Side, runs: Mapping[str, Sequence[Run]]) -> list[Figure]:
    ours, theirs = runs[side.name], runs[other.name]
    names = f"{side.name} : {other.name}"
    cost = Ratio.of(*([sum(run.parts.values()) for run in of_side] for of_side in (ours, theirs)))
    return [
        ratios.line(names, _faster(ours, [run.seconds for run in theirs])),
        ratios.line(f"{names}, CPU time of an event", cost, better="less"),
    ]


def _print_shares(name: str, runs: Sequence[Run]) -> None:
    """Print each part's share of the CPU time, the greatest first, and how busy the cores were."""
    shares = {part: median(run.parts[part] / sum(run.parts.values()) for run in runs) for part in runs[0].parts}
    ordered = sorted(shares.items(), key=lambda share: -share[1])
    console.print(f"  CPU time, {name}: {', '.join(f'{part} {share:.0%}' for part, share in ordered)}")
    busy = median(run.busy for run in runs)
    acknowledged = median(run.acknowledged / run.seconds for run in runs)
    console.print(
        f"    two cores busy {busy:.2f} with the sender; all acknowledged after {acknowledged:.2f} of the time"
    )


async def _log_alone(running: Stores, name: str, count: int, *, on_servers: bool) -> float:
    """Return the seconds of appending the events' records and reading them once."""
    await site.prepare(await site.make(running.url, name))
    records = list(events.records(1, count, site.PARTITIONS))
    async with open_log(_loaded(running.settings(name, on_servers=on_servers))) as log:
        await log.ensure([TopicSpec(SOURCE, site.PARTITIONS)])
        begun, waiting = time.perf_counter(), iter(records)
        await asyncio.gather(*(_append_each(log, waiting) for _ in range(site.CONNECTIONS)))
        for number in range(site.PARTITIONS):
            await _read_all(log, number)
        return time.perf_counter() - begun


async def _append_each(log: Log, waiting: Iterator[NewRecord]) -> None:
    for record in waiting:
        await log.append([record])


async def _read_all(log: Log, partition: int) -> None:
    offset = 0
    while records := await log.read(SOURCE, partition, offset):
        offset = records[-1].offset + 1


async def _once(folder: Path, running: Stores, side: Side, name: str, count: int, seed: int) -> Run:
    """Run a new installation, warm it up, then send events and wait until all roles have done them."""
    project = await site.prepare(await site.make(running.url, name))
    settings = running.settings(name, on_servers=side.on_servers)
    loaded = _loaded(settings)
    async with open_log(loaded) as log:
        with ExitStack() as stack:
            processes = {
                part: stack.enter_context(_started(folder / name / part, settings, module, roles))
                for part, (module, roles) in side.processes.items()
            }
            stack.callback(_terminate, processes.values())
            ready = {part: process.wait_ready() for part, process in processes.items()}
            port = int(json.loads(ready["server"])["port"])
            await site.send(port, project, WARM, WARM_SEED + seed)
            await _arrived(log, processes)
            before = _seconds(running, side, processes)
            sent = await site.send(port, project, count, seed)
            await _arrived(log, processes)
            await _await_found(loaded, project, events.different(WARM) + events.different(count))
            ended, after = time.time(), _seconds(running, side, processes)
    parts = {part: after[part] - before[part] for part in after}
    return Run(ended - sent.began, sent.ended - sent.began, parts, sent.cpu)


def _terminate(processes: Iterable[site.Measured]) -> None:
    """Send SIGTERM to all, so that they end at the same time."""
    for process in processes:
        process.terminate()


def _started(
    folder: Path, settings: Mapping[str, str], module: str, roles: str
) -> AbstractContextManager[site.Measured]:
    own = {**settings, "ROLES": roles, "PORT": "0"} if roles else {**settings, "PORT": "0"}
    return site.measured(module, folder, own, environ=stores.ENVIRONMENT)


async def _arrived(log: Log, processes: Mapping[str, site.Measured]) -> None:
    """Wait until every role has committed all of its topic. Raises Failed."""
    end = time.monotonic() + site.LIMIT
    while not (await site.caught_up(log, COUNTED) and await site.caught_up(log, KEPT)):
        for process in processes.values():
            process.cpu()  # raises where one has ended
        if time.monotonic() > end:
            raise site.Failed(f"not all has arrived in {site.LIMIT:.0f} s")
        await asyncio.sleep(POLL_SECONDS)


def _seconds(running: Stores, side: Side, processes: Mapping[str, site.Measured]) -> dict[str, float]:
    own = {part: process.cpu() for part, process in processes.items()}
    return own | running.seconds(on_servers=side.on_servers)


async def _await_found(settings: Settings, project: Project, wanted: int) -> None:
    """Wait until a search finds all events, and compare the counts in PostgreSQL. Raises Failed."""
    end, now = time.monotonic() + FRESH_SECONDS, int(time.time() * 1000)
    async with asyncpg.create_pool(settings.database_url, min_size=1, max_size=1) as pool:
        async with open_search(settings, pool) as search:
            while (hits := await search.search(project.id, "", now - DAY_MS, now + DAY_MS, limit=1)).total != wanted:
                if time.monotonic() > end:
                    raise site.Failed(f"expected to find {wanted} events, found {hits.total}")
                await asyncio.sleep(POLL_SECONDS)
        rows = await pool.fetch(
            "select counts from windows where kind = 'c' and grp = '' and release = '' and size = $1", DAY_MS // 1000
        )
    counts = [json.loads(row["counts"]) for row in rows]
    counted = sum(row.get("crashes", 0) + row.get("messages", 0) for row in counts)
    if counted != wanted:
        raise site.Failed(f"expected {wanted} counted events, counted {counted}")


def _loaded(settings: Mapping[str, str]) -> Settings:
    return load({f"FAULTLINE_{name}": value for name, value in settings.items()})
