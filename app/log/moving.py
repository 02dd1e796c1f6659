"""Moves to another log: seal the old generation, drain it, carry its state over, open the next.

The order is that of EXACTNESS.md, "Generation change". State moves without being re-keyed: the number of partitions
stays. Every step may be repeated: a move that was interrupted starts again and skips what is done.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from app.log.contract import Log, LogError, LogUnavailable, NewRecord, Record, TopicSpec
from app.log.kafka.log import KafkaLog
from app.log.lag import READERS
from app.log.postgres.log import PostgresLog
from app.roles import group_of
from app.topics import SOURCES, qualified

if TYPE_CHECKING:
    from app.postgres import Connection

Shift = Callable[[bytes, bytes | None, int], tuple[bytes, bytes | None]]
"""(key, value, end of the source partition) of a changelog record -> the same in the next generation. Pure."""

LOCK: Final = 0x4661_756C_7400_0012  # "Fault", moving: one process at a time
POLL_SECONDS: Final = 0.5
PAGE: Final = 1000

_SEALED: Final = "update log_generations set sealed = coalesce(sealed, now()) where generation = $1"
_OPENED: Final = "insert into log_generations (generation, log, partitions, deltas) values ($1, $2, $3, $4)"


@asynccontextmanager
async def alone(connection: "Connection") -> AsyncIterator[None]:
    """Hold the lock of moves for the block. Raises LogError where another move is under way."""
    if not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):
        raise LogError("the log is being moved by another process")
    try:
        yield
    finally:
        await connection.fetchval("select pg_advisory_unlock($1)", LOCK)


async def seal(connection: "Connection", log: PostgresLog | KafkaLog, generation: int) -> None:
    """Refuse every event from now on; what was acknowledged is in the log on return. Raises LogError."""
    await connection.execute(_SEALED, generation)
    await log.seal([qualified(generation, name) for name in SOURCES])


async def drain(log: Log, generation: int) -> AsyncIterator[Mapping[str, int]]:
    """Yield by role the number of records still to be read, until there are none; the source topics are sealed.

    The sources come first: once their readers have committed, their output is in the downstream topics, and only then
    the ends of those are read. Idle sources go on appending empty deltas there; those are not waited for.
    """
    for upstream in (True, False):
        readers = [reader for reader in READERS if (reader[1] in SOURCES) is upstream]
        ends = {name: await _ends(log, qualified(generation, name)) for _, name in readers}
        while left := await _left(log, generation, readers, ends):
            yield left
            await asyncio.sleep(POLL_SECONDS)


async def _ends(log: Log, topic: str) -> dict[int, int]:
    return {number: bounds.end for number, bounds in (await log.bounds(topic)).items()}


async def _left(
    log: Log, generation: int, readers: Iterable[tuple[str, str]], ends: Mapping[str, Mapping[int, int]]
) -> dict[str, int]:
    left: dict[str, int] = {}
    for role, name in readers:
        topic = qualified(generation, name)
        starts = {number: bounds.start for number, bounds in (await log.bounds(topic)).items()}
        done = await log.committed(group_of(role), topic)
        count = sum(max(0, end - max(done.get(number, 0), starts[number])) for number, end in ends[name].items())
        if count:
            left[role] = count
    return left


async def prepare(log: Log, generation: int, specs: Sequence[TopicSpec]) -> None:
    """Create the topics of the next generation. Raises LogError where they hold events already."""
    await log.ensure(specs)
    for name in SOURCES:
        topic = qualified(generation, name)
        if any(bounds.end for bounds in (await log.bounds(topic)).values()):
            raise LogError(f"topic {topic} of the new log has records already: choose another prefix")


async def carry(old: Log, new: Log, generation: int, name: str, source: str, shift: Shift) -> int:
    """Append what a changelog holds to the one of the next generation; return their number.

    A drained source writes no more state, so that the end read here is final.
    """
    topic, following, count = qualified(generation, name), qualified(generation + 1, name), 0
    by = await _ends(old, qualified(generation, source))
    for number, end in (await _ends(old, topic)).items():
        position = 0
        while position < end and (records := await old.read(topic, number, position, max_records=PAGE)):
            await _append(new, [_moved(record, following, shift, by[number]) for record in records])
            position = records[-1].offset + 1
            count += len(records)
    return count


def _moved(record: Record, topic: str, shift: Shift, by: int) -> NewRecord:
    if record.key is None:
        raise LogError(f"{record.topic}/{record.partition}: a record without a key at {record.offset}")
    key, value = shift(record.key, record.value, by)
    return NewRecord(topic, record.partition, key, value, record.headers, record.stamp)


async def _append(log: Log, records: Sequence[NewRecord]) -> None:
    """Append, again after an outage: a changelog that holds the same records twice in order has the same state."""
    while True:
        try:
            await log.append(records)
        except LogUnavailable:
            await asyncio.sleep(POLL_SECONDS)
        else:
            return


async def open_next(connection: "Connection", generation: int, log: str, partitions: int, deltas: int) -> None:
    """Open the next generation, on ``log``, for every process that starts from now on; the counts stay."""
    await connection.execute(_OPENED, generation + 1, log, partitions, deltas)
