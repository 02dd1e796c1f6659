"""Events a second of CPU: Faultline's worker beside an idiomatic Faust agent, by turns, over the same log."""

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from app.log.contract import TopicSpec
from app.log.postgres.log import PostgresLog
from app.topics import CRASHES, DELTAS, qualified
from tests.bench import events, ratios, site
from tests.bench.peer import GROUP, WHERE
from tests.bench.ratios import Figure, Ratio, console

SOURCE: Final = qualified(1, CRASHES)
AIM: Final = 5.0
APPENDED: Final = 500
"""Records of one append while the log is filled."""


class Side(NamedTuple):
    """One side of a comparison: its module, its settings, and by consumer group the topic that it has to commit."""

    name: str
    module: str
    roles: str
    counts: str
    groups: Mapping[str, str]


CRASHES_ROLE: Final = Side("crashes", "app.runtime.worker", "crashes", "", {"faultline-crashes": SOURCE})
BOTH_ROLES: Final = Side(
    "crashes and rates", "app.runtime.worker", "crashes,rates", "",
    {"faultline-crashes": SOURCE, "faultline-rates": qualified(1, DELTAS)},
)  # fmt: skip
PEER_SENDS: Final = Side("peer that sends counts", "tests.bench.peer", "", "topic", {GROUP: SOURCE})
PEER_COUNTS: Final = Side("peer that counts in tables", "tests.bench.peer", "", "tables", {GROUP: SOURCE})


class Cost(NamedTuple):
    """The cost of one run beyond that of an idle start: seconds of CPU, and bytes of memory at the peak."""

    seconds: float
    memory: int


async def run(folder: Path, url: str, count: int, rounds: int) -> list[Figure]:
    """Measure both pairs of sides; print and return their ratios."""
    backlog = await _fill(url, count)
    console.print(f"[bold]agent[/bold]: {count} events, {events.source()}, {rounds} rounds by turns")
    sides = (CRASHES_ROLE, PEER_SENDS, BOTH_ROLES, PEER_COUNTS)
    costs: dict[str, list[Cost]] = {side.name: [] for side in sides}
    for number in range(rounds):
        for side in sides:
            costs[side.name].append(await _round(folder / f"{number} {side.name}", url, side))
    rates = {name: [count / cost.seconds for cost in of_side] for name, of_side in costs.items()}
    figures = [
        ratios.line(f"{ours.name} : {theirs.name}", Ratio.of(rates[ours.name], rates[theirs.name]), AIM)
        for ours, theirs in ((CRASHES_ROLE, PEER_SENDS), (BOTH_ROLES, PEER_COUNTS))
    ]
    peak = median(cost.memory for cost in costs[CRASHES_ROLE.name])
    console.print(f"  memory: the worker's peak over its idle start is {peak / backlog:.2f} of the backlog's bytes")
    return figures


async def _fill(url: str, count: int) -> int:
    """Make the databases that each run copies, an idle one and a filled one; return the bytes of the events."""
    idle = await site.make(url, "idle")
    project = await site.prepare(idle)
    filled = await site.make(url, "filled", template="idle")
    records = list(events.records(project.id, count, site.PARTITIONS))
    async with PostgresLog(filled) as log:
        await log.ensure([TopicSpec(SOURCE, site.PARTITIONS)])
        for start in range(0, count, APPENDED):
            await log.append(records[start : start + APPENDED])
    return sum(len(record.value or b"") for record in records)


async def _round(folder: Path, url: str, side: Side) -> Cost:
    """Run a side on the idle database, then on the filled one; return the difference."""
    idle = await _once(folder / "idle", url, side, "idle")
    full = await _once(folder / "full", url, side, "filled")
    return Cost(full.seconds - idle.seconds, full.memory - idle.memory)


async def _once(folder: Path, url: str, side: Side, template: str) -> Cost:
    database = await site.make(url, "run", template=template)
    settings = {"DATABASE": database, "ROLES": side.roles, "PARTITIONS": str(site.PARTITIONS)}
    try:
        async with PostgresLog(database) as log:
            with site.measured(side.module, folder, settings, environ={WHERE: side.counts}) as process:
                process.wait_ready()
                seconds = await process.until(lambda: site.caught_up(log, side.groups))
                return Cost(seconds, process.peak)
    finally:
        await site.drop(url, "run")
