"""End to end on two cores: from the first event sent until all are counted, archived and can be searched.

What an operator wants to know before choosing stores and machines, each as a ratio of what this run measures itself:

- **whole : its log.** How much of the log's own rate the whole pipeline sustains. The log alone takes the same records
  as ingest would append them (as many callers at once as there are connections, one record each) and reads them back
  once; nothing decodes, groups, counts, keeps or searches. It says what all of Faultline costs beyond the storing.
- **servers : PostgreSQL alone**, by rate and by CPU time an event: what the move to Kafka, Elasticsearch and S3 costs
  or gives on the same machine, before it is scaled out, which is what it is for.
- **a process a role : one worker**: what splitting costs.
- **shares of CPU time**: which part to give cores to first. The sender (SDKs, who pay for themselves) is in none, but
  it runs on the two cores as well, and *busy* counts it: below 1, something waited instead of working.

A run ends when a search finds all that was sent; then the counts in PostgreSQL are compared with it.
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
from tests.bench.ratios import Ratio, console
from tests.bench.stores import Stores

SOURCE: Final = qualified(1, CRASHES)
COUNTED: Final = {"faultline-crashes": SOURCE, "faultline-rates": qualified(1, DELTAS)}
KEPT: Final = {f"faultline-{role}": qualified(1, PROCESSED) for role in ("archive", "search")}
ROLES: Final = Settings().role_names
WARM: Final = 1000
"""Events before those that are measured: topics and indices are made, caches are filled."""

WARM_SEED: Final = 1000
"""Far from the numbers of rounds, so that no event of the one is a copy of the other's."""

CORES: Final = 2
LOOK_SECONDS: Final = 0.1
FRESH_SECONDS: Final = 30.0
"""An index of Elasticsearch shows what is in it within one, on a machine that has time."""

DAY_MS: Final = 86_400_000


class Side(NamedTuple):
    """One of those that are compared: its stores, and whether each role is a process."""

    name: str
    on_servers: bool
    split: bool

    @property
    def processes(self) -> Mapping[str, tuple[str, str]]:
        """Module and roles of each process."""
        workers = {role: role for role in ROLES} if self.split else {"worker": ",".join(ROLES)}
        return {
            "server": ("app.runtime.server", ""),
            **{name: ("app.runtime.worker", roles) for name, roles in workers.items()},
        }


ALONE: Final = Side("PostgreSQL alone, one worker", on_servers=False, split=False)
SPLIT: Final = Side("PostgreSQL alone, a process a role", on_servers=False, split=True)
SERVERS: Final = Side("Kafka, Elasticsearch, S3, a process a role", on_servers=True, split=True)


class Run(NamedTuple):
    """What one run took: seconds by the clock, of them until all was acknowledged, of CPU by part and of the sender."""

    seconds: float
    acknowledged: float
    parts: Mapping[str, float]
    sender: float

    @property
    def busy(self) -> float:
        """How much of the two cores was worked on, 0 to 1."""
        return (sum(self.parts.values()) + self.sender) / (self.seconds * CORES)


async def run(folder: Path, count: int, rounds: int) -> None:
    """Measure by turns and print the ratios; of PostgreSQL alone where the servers cannot be had."""
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
    for side in sides:
        ratios.line(f"{side.name} : its log alone", _faster(runs[side.name], limits[side.on_servers]))
    for one, other in ((SPLIT, ALONE), (SERVERS, SPLIT)):
        if one in sides:
            _compared(one, other, runs)
    for name, taken in runs.items():
        _shares(name, taken)


def _faster(ours: Sequence[Run], limit: Sequence[float]) -> Ratio:
    return Ratio.of([1 / taken.seconds for taken in ours], [1 / seconds for seconds in limit])


def _compared(one: Side, other: Side, runs: Mapping[str, Sequence[Run]]) -> None:
    ours, theirs = runs[one.name], runs[other.name]
    ratios.line(f"{one.name} : {other.name}", _faster(ours, [taken.seconds for taken in theirs]))
    cost = Ratio.of(*([sum(taken.parts.values()) for taken in side] for side in (ours, theirs)))
    ratios.line("  CPU time an event, the same two", cost)


def _shares(name: str, runs: Sequence[Run]) -> None:
    """Print the share of each part of the CPU time, the greatest first, and how the time went."""
    shares = {part: median(taken.parts[part] / sum(taken.parts.values()) for taken in runs) for part in runs[0].parts}
    ordered = sorted(shares.items(), key=lambda share: -share[1])
    console.print(f"  CPU time, {name}: {', '.join(f'{part} {share:.0%}' for part, share in ordered)}")
    busy = median(taken.busy for taken in runs)
    acknowledged = median(taken.acknowledged / taken.seconds for taken in runs)
    console.print(
        f"    two cores busy {busy:.2f} with the sender; all acknowledged after {acknowledged:.2f} of the time"
    )


async def _log_alone(running: Stores, name: str, count: int, *, on_servers: bool) -> float:
    """Give the seconds that appending the records of the events and reading them once take."""
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
    """Run a fresh installation, warm it up, then send and wait until all has arrived everywhere."""
    project = await site.prepare(await site.make(running.url, name))
    settings = running.settings(name, on_servers=side.on_servers)
    loaded = _loaded(settings)
    async with open_log(loaded) as log:
        with ExitStack() as stack:
            processes = {
                part: stack.enter_context(_started(folder / name / part, settings, module, roles))
                for part, (module, roles) in side.processes.items()
            }
            stack.callback(_tell_to_end, processes.values())
            said = {part: process.wait_ready() for part, process in processes.items()}
            port = int(json.loads(said["server"])["port"])
            await site.send(port, project, WARM, WARM_SEED + seed)
            await _arrived(log, processes)
            before = _seconds(running, side, processes)
            sent = await site.send(port, project, count, seed)
            await _arrived(log, processes)
            await _found(loaded, project, events.different(WARM) + events.different(count))
            ended, after = time.time(), _seconds(running, side, processes)
    parts = {part: after[part] - before[part] for part in after}
    return Run(ended - sent.began, sent.ended - sent.began, parts, sent.cpu)


def _tell_to_end(processes: Iterable[site.Measured]) -> None:
    """Have all end at the same time."""
    for process in processes:
        process.terminate()


def _started(
    folder: Path, settings: Mapping[str, str], module: str, roles: str
) -> AbstractContextManager[site.Measured]:
    own = {**settings, "ROLES": roles, "PORT": "0"} if roles else {**settings, "PORT": "0"}
    return site.measured(module, folder, own, environ=stores.ENVIRONMENT)


async def _arrived(log: Log, processes: Mapping[str, site.Measured]) -> None:
    """Wait until every role has done all there is: what is counted was first, then what each keeps."""
    end = time.monotonic() + site.LIMIT
    while not (await site.caught_up(log, COUNTED) and await site.caught_up(log, KEPT)):
        for process in processes.values():
            process.cpu()  # raises where one has ended
        if time.monotonic() > end:
            raise site.Failed(f"not all has arrived in {site.LIMIT:.0f} s")
        await asyncio.sleep(LOOK_SECONDS)


def _seconds(running: Stores, side: Side, processes: Mapping[str, site.Measured]) -> dict[str, float]:
    own = {part: process.cpu() for part, process in processes.items()}
    return own | running.seconds(on_servers=side.on_servers)


async def _found(settings: Settings, project: Project, wanted: int) -> None:
    """Wait until search finds all, once its index is fresh, and compare what is counted. Raises Failed."""
    end, now = time.monotonic() + FRESH_SECONDS, int(time.time() * 1000)
    async with asyncpg.create_pool(settings.database_url, min_size=1, max_size=1) as pool:
        async with open_search(settings, pool) as search:
            while (hits := await search.search(project.id, "", now - DAY_MS, now + DAY_MS, limit=1)).total != wanted:
                if time.monotonic() > end:
                    raise site.Failed(f"of {wanted} events {hits.total} are found")
                await asyncio.sleep(LOOK_SECONDS)
        rows = await pool.fetch(
            "select counts from windows where kind = 'c' and grp = '' and release = '' and size = $1", DAY_MS // 1000
        )
    counts = [json.loads(row["counts"]) for row in rows]
    counted = sum(each.get("crashes", 0) + each.get("messages", 0) for each in counts)
    if counted != wanted:
        raise site.Failed(f"of {wanted} events {counted} are counted")


def _loaded(settings: Mapping[str, str]) -> Settings:
    return load({f"FAULTLINE_{name}": value for name, value in settings.items()})
