"""How far the numbers are complete, and what is behind: from the ends of the log and the groups' commits alone."""

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
"""Deltas that are looked through for the first that adds something; behind them the last one's stamp holds."""


class Stage(NamedTuple):
    """How far one role is behind: records it has not committed, and the stamp (ms) of the first that adds something.

    ``oldest`` is None where nothing waits but the empty deltas by which idle sources move watermarks.
    """

    role: str
    topic: str
    records: int
    oldest: int | None


async def complete_until(log: Log, generation: int, now_ms: int) -> int:
    """Give the time (ms) up to which everything that was received is in the numbers.

    The order of looking is EXACTNESS.md's ("complete_until"): sources first. What they have committed then was in
    ``deltas`` before its end is looked at; looked at the other way round, it could slip between the two looks.
    """
    sources = await asyncio.gather(*(stage(log, generation, *reader) for reader in READERS if reader[1] in SOURCES))
    rates = await stage(log, generation, "rates", DELTAS)
    waiting = [stage.oldest for stage in (*sources, rates) if stage.oldest is not None]
    return min([now_ms, *(oldest - SKEW * 1000 for oldest in waiting)])


async def lag(log: Log, generation: int) -> list[Stage]:
    """Give how far each role is behind."""
    return list(await asyncio.gather(*(stage(log, generation, *reader) for reader in READERS)))


async def stage(log: Log, generation: int, role: str, name: str, only: Container[int] | None = None) -> Stage:
    """Look at the ends of a topic, then at what the role's group has committed of it, on all partitions or some."""
    topic = qualified(generation, name)
    bounds = await log.bounds(topic)
    committed = await log.committed(group_of(role), topic)
    behind = {
        partition: max(committed.get(partition, bound.start), bound.start)
        for partition, bound in bounds.items()
        if committed.get(partition, bound.start) < bound.end and (only is None or partition in only)
    }
    look = _first_that_adds if name == DELTAS else _first
    firsts = await asyncio.gather(*(look(log, topic, p, at, bounds[p].end) for p, at in behind.items()))
    lagging = sum(bounds[partition].end - at for partition, at in behind.items())
    return Stage(role, topic, lagging, min((stamp for stamp in firsts if stamp is not None), default=None))


async def _first(log: Log, topic: str, partition: int, at: int, _end: int) -> int | None:
    records = await log.read(topic, partition, at, max_records=1, max_bytes=1)
    return records[0].stamp if records else None


async def _first_that_adds(log: Log, topic: str, partition: int, at: int, end: int) -> int | None:
    """Pass over empty deltas: there are always some under way, and the numbers do not wait for them."""
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
