"""How far the numbers are complete, and how far each role is behind: by the log's ends and the groups' commits."""

import asyncio
from collections.abc import Container
from typing import Final, NamedTuple

from app.cells import SKEW
from app.log.contract import Log
from app.records import decode_delta
from app.roles import ROLES, group_of
from app.topics import DELTAS, SOURCES, qualified

READERS: Final = tuple((role.name, role.topic) for role in ROLES)
"""Each role with the topic that it reads; those over sources come first."""


PAGE: Final = 100
MOST_PAGES: Final = 10
"""Pages of deltas that are searched for the first that adds something; beyond them the last one's stamp is used."""


class Stage(NamedTuple):
    """The lag of one role: records it has not committed, and the stamp (ms) of the first that adds something.

    ``oldest`` is None where only the empty deltas wait by which idle sources move watermarks.
    """

    role: str
    topic: str
    records: int
    oldest: int | None


async def complete_until(log: Log, generation: int, now_ms: int) -> int:
    """Return the time (ms) up to which everything that was received is in the numbers.

    Sources are read before ``deltas`` (EXACTNESS.md, "complete_until"): what a source has committed by then was in
    ``deltas`` before the end of ``deltas`` is read. In the other order an event could fall between the two reads.
    """
    sources = await asyncio.gather(*(stage(log, generation, *reader) for reader in READERS if reader[1] in SOURCES))
    rates = await stage(log, generation, "rates", DELTAS)
    waiting = [stage.oldest for stage in (*sources, rates) if stage.oldest is not None]
    return min([now_ms, *(oldest - SKEW * 1000 for oldest in waiting)])


async def lag(log: Log, generation: int) -> list[Stage]:
    """Return the lag of each role."""
    return list(await asyncio.gather(*(stage(log, generation, *reader) for reader in READERS)))


async def stage(log: Log, generation: int, role: str, name: str, only: Container[int] | None = None) -> Stage:
    """Return a role's lag on a topic (unqualified), on all partitions or on those in ``only``.

    The ends of the topic are read before the commits of the role's group.
    """
    topic = qualified(generation, name)
    bounds = await log.bounds(topic)
    committed = await log.committed(group_of(role), topic)
    behind = {
        partition: max(committed.get(partition, bound.start), bound.start)
        for partition, bound in bounds.items()
        if committed.get(partition, bound.start) < bound.end and (only is None or partition in only)
    }
    first_of = _first_that_adds if name == DELTAS else _first
    firsts = await asyncio.gather(*(first_of(log, topic, p, at, bounds[p].end) for p, at in behind.items()))
    lagging = sum(bounds[partition].end - at for partition, at in behind.items())
    return Stage(role, topic, lagging, min((stamp for stamp in firsts if stamp is not None), default=None))


async def _first(log: Log, topic: str, partition: int, at: int, _end: int) -> int | None:
    records = await log.read(topic, partition, at, max_records=1, max_bytes=1)
    return records[0].stamp if records else None


async def _first_that_adds(log: Log, topic: str, partition: int, at: int, end: int) -> int | None:
    """Return the stamp of the first delta that is not empty: some empty ones are always under way, and add nothing."""
    stamp: int | None = None
    for _ in range(MOST_PAGES):
        records = [record for record in await log.read(topic, partition, at, max_records=PAGE) if record.offset < end]
        if not records:
            return None
        for record in records:
            if decode_delta(record.value or b"").entries:
                return record.stamp
        at, stamp = records[-1].offset + 1, records[-1].stamp
        if at >= end:
            return None
    return stamp
