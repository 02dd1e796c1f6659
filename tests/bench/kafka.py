"""Events a second of one core: the crashes role on Kafka beside the limit of any agent there, over the same records.

The role runs as in production: batches by the transport, decode, scrub, normalise, group, the table of seen events with
its durable changelog, ``processed`` and deltas produced and acknowledged by the broker, offsets committed. The limit is
``tests.bench.limit``: it reads, decodes the same typed fields, and hashes once. Each runs on one core with all its
threads, the broker on the other core.

Two ratios are printed: by seconds of CPU, which is what an operator pays for, and by the clock, which is what one
process sustains. The role's is lower by the clock, because it waits for the broker.
"""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

from app.log.contract import NewRecord, TopicSpec
from app.log.kafka.address import Address
from app.log.kafka.log import KafkaLog
from app.log.kafka.reader import consumer_of, started
from app.records import decode_processed
from app.topics import CRASHES, PROCESSED, qualified
from tests import servers
from tests.bench import cpu, events, ratios, site
from tests.bench.ratios import Figure, Ratio, console

SOURCE: Final = qualified(1, CRASHES)
GROUPS: Final = {"faultline-crashes": SOURCE}
OURS, BROKERS = 0, 1
"""The core of the measured process, and the core of the broker and of this process."""

LEAST_SECONDS: Final = 0.001
"""The resolution of the broker's time stamps."""

APPENDED: Final = 500
"""Records of one append while the log is filled."""


class Pace(NamedTuple):
    """Events by a second of CPU, and by a second of the clock."""

    cpu: float
    clock: float


async def run(folder: Path, url: str, count: int, rounds: int) -> list[Figure]:
    """Measure by turns; print and return the ratios, none where Kafka cannot be had."""
    try:
        with cpu.cores(BROKERS), servers.kafka() as broker:
            return await _compare(folder, url, f"kafka://{broker.address}", count, rounds)
    except servers.Unavailable as error:
        console.print(f"[bold]kafka[/bold]: not measured: {error}")
        return []


async def _compare(folder: Path, url: str, broker: str, count: int, rounds: int) -> list[Figure]:
    project = await site.prepare(await site.make(url, "kafka_idle"))
    records = list(events.records(project.id, count, site.PARTITIONS))
    ours, limit = list[Pace](), list[Pace]()
    for number in range(rounds):
        prefix = f"{broker}/round{number}"
        await _fill(f"{prefix}-idle", [])
        await _fill(prefix, records)
        ours.append(await _ours(folder / f"kafka {number}", url, prefix, count))
        limit.append(_limit(folder / f"kafka limit {number}", prefix))
    pinned = "each on one core" if len(cpu.ALL) > 1 else "on whatever core"
    console.print(f"[bold]kafka[/bold]: {count} events, {events.source()}, {rounds} rounds by turns, {pinned}")
    by_cpu = Ratio.of([pace.cpu for pace in ours], [pace.cpu for pace in limit])
    by_clock = Ratio.of([pace.clock for pace in ours], [pace.clock for pace in limit])
    return [
        ratios.line("crash agent : getmany, decode, one hash (of CPU)", by_cpu),
        ratios.line("crash agent : getmany, decode, one hash (by the clock)", by_clock),
    ]


async def _fill(url: str, records: list[NewRecord]) -> None:
    """Make the source topic of a new log, holding these records."""
    async with KafkaLog(url) as log:
        await log.ensure([TopicSpec(SOURCE, site.PARTITIONS)])
        for start in range(0, len(records), APPENDED):
            await log.append(records[start : start + APPENDED])


async def _ours(folder: Path, url: str, prefix: str, count: int) -> Pace:
    """Run the role on an empty log, then over the backlog; the CPU of the first run is not counted in the second."""
    idle = await _worker(folder / "idle", url, f"{prefix}-idle")
    full = await _worker(folder / "full", url, prefix)
    return Pace(count / (full - idle), await _by_the_clock(prefix, count))


async def _worker(folder: Path, url: str, log_url: str) -> float:
    """Return the seconds of CPU from the start to the commit of the last record."""
    database = await site.make(url, "kafka_run", template="kafka_idle")
    settings = {"DATABASE": database, "LOG": log_url, "ROLES": "crashes", "PARTITIONS": str(site.PARTITIONS)}
    try:
        async with KafkaLog(log_url) as log:
            with site.measured("app.runtime.worker", folder, settings, core=OURS) as process:
                process.wait_ready()
                return await process.until(lambda: site.caught_up(log, GROUPS))
    finally:
        await site.drop(url, "kafka_run")


async def _by_the_clock(url: str, count: int) -> float:
    """Return the events a second between the broker's time stamps of the first batch's results and of the last's."""
    address, topic = Address.parse(url), qualified(1, PROCESSED)
    consumer = await started(consumer_of(address))
    try:
        consumer.assign([address.partition(topic, number) for number in range(site.PARTITIONS)])
        starts = await consumer.beginning_offsets(consumer.assignment())
        ends = await consumer.end_offsets(consumer.assignment())
        held = [place for place in starts if ends[place] > starts[place]]
        firsts = [await _record(consumer, place, starts[place]) for place in held]
        lasts = [await _record(consumer, place, ends[place] - 1) for place in held]
    finally:
        await consumer.stop()
    first = min(firsts, key=lambda record: record.timestamp)
    batch = decode_processed(first.value)
    seconds: float = (max(record.timestamp for record in lasts) - first.timestamp) / 1000
    return (count - (batch.last - batch.first + 1)) / max(seconds, LEAST_SECONDS)


async def _record(consumer: Any, place: Any, offset: int) -> Any:  # noqa: ANN401  aiokafka publishes no types
    consumer.seek(place, offset)
    return await consumer.getone(place)


def _limit(folder: Path, url: str) -> Pace:
    with site.measured("tests.bench.limit", folder, {}, url, SOURCE, core=OURS) as process:
        took = json.loads(process.wait_ready())
    return Pace(took["records"] / took["cpu"], took["records"] / took["clock"])
