"""How far the numbers are complete, and what is behind: from the ends of the log and the groups' commits alone."""

import asyncio
from typing import Final, NamedTuple

from app.cells import SKEW
from app.log.contract import Log
from app.topics import CRASHES, DELTAS, PROCESSED, SESSIONS, qualified

READERS: Final = (
    ("crashes", CRASHES),
    ("sessions", SESSIONS),
    ("rates", DELTAS),
    ("archive", PROCESSED),
    ("search", PROCESSED),
)
"""Each role with the topic that it reads."""


class Stage(NamedTuple):
    """How far one role is behind: records it has not committed, and the stamp (ms) of the first, None without any."""

    role: str
    topic: str
    records: int
    oldest: int | None


async def complete_until(log: Log, generation: int, now_ms: int) -> int:
    """Give the time (ms) up to which everything that was received is in the numbers.

    The order of looking is EXACTNESS.md's ("complete_until"): sources first. What they have committed then was in
    ``deltas`` before its end is looked at; looked at the other way round, it could slip between the two looks.
    """
    crashes, sessions = await asyncio.gather(*(_stage(log, generation, *reader) for reader in READERS[:2]))
    rates = await _stage(log, generation, *READERS[2])
    waiting = [stage.oldest for stage in (crashes, sessions, rates) if stage.oldest is not None]
    return min([now_ms, *(oldest - SKEW * 1000 for oldest in waiting)])


async def lag(log: Log, generation: int) -> list[Stage]:
    """Give how far each role is behind."""
    return list(await asyncio.gather(*(_stage(log, generation, *reader) for reader in READERS)))


async def _stage(log: Log, generation: int, role: str, name: str) -> Stage:
    """Look at the ends of a topic, then at what the role's group has committed of it."""
    topic = qualified(generation, name)
    bounds = await log.bounds(topic)
    committed = await log.committed(f"faultline-{role}", topic)
    behind = {
        partition: max(committed.get(partition, bound.start), bound.start)
        for partition, bound in bounds.items()
        if committed.get(partition, bound.start) < bound.end
    }
    firsts = await asyncio.gather(*(log.read(topic, p, at, max_records=1, max_bytes=1) for p, at in behind.items()))
    stamps = [records[0].stamp for records in firsts if records]
    lagging = sum(bounds[partition].end - at for partition, at in behind.items())
    return Stage(role, topic, lagging, min(stamps, default=None))
