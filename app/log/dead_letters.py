"""Reads dead letters from the log: the newest of them, those of one address, and as a list kept up to date."""

import asyncio
import heapq
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

import msgspec

from app.log.contract import Log, Record
from app.model import Address
from app.records import DeadLetter, decode_dead_letter
from app.topics import DEAD_LETTERS, qualified

KEPT: Final = 1000
FRESH_SECONDS: Final = 2.0

_PAGE: Final = 500


async def listing(log: Log, generation: int, *, limit: int = 100, project: int | None = None) -> list[DeadLetter]:
    """Return the newest dead letters by received time, newest first, each once however often it was delivered.

    The whole topic is read (it is as short as the log's retention); at most ``limit`` letters are held, plus a page.
    """
    kept: list[tuple[int, bytes, DeadLetter]] = []
    held: set[bytes] = set()
    async for key, dead in _letters(log, generation):
        if key in held or (project is not None and dead.project != project):
            continue
        held.add(key)
        heapq.heappush(kept, (dead.received, key, dead))
        if len(kept) > limit:
            held.discard(heapq.heappop(kept)[1])
    return [dead for _, _, dead in sorted(kept, key=lambda item: item[:2], reverse=True)]


async def find(log: Log, generation: int, address: Address) -> list[DeadLetter]:
    """Return the dead letters of one address: at most one of each role that read the record."""
    found = {key: dead async for key, dead in _letters(log, generation) if dead.address == address}
    return list(found.values())


async def _letters(log: Log, generation: int) -> AsyncIterator[tuple[bytes, DeadLetter]]:
    topic = qualified(generation, DEAD_LETTERS)
    for partition, bounds in sorted((await log.bounds(topic)).items()):
        offset = bounds.start
        while offset < bounds.end and (page := await log.read(topic, partition, offset, max_records=_PAGE)):
            for record in page:
                offset = record.offset + 1
                if (dead := _decode(record)) is not None:
                    yield record.key or b"", dead


def _decode(record: Record) -> DeadLetter | None:
    """Read a letter; one of a newer schema, or what is none, is passed over: a list shows what it can."""
    try:
        return decode_dead_letter(record.value or b"")
    except msgspec.DecodeError:
        return None


class Letters(NamedTuple):
    """What a page shows: the newest first, and how many of all that are kept have each code."""

    newest: list[DeadLetter]
    codes: list[tuple[str, int]]
    more: bool
    """True where there are older ones than those that were counted."""


class Board:
    """The ``KEPT`` newest dead letters of one log, each once however often it was delivered."""

    def __init__(self, log: Log, generation: int) -> None:
        """Read nothing yet."""
        self._log = log
        self._topic = qualified(generation, DEAD_LETTERS)
        self._next: dict[int, int] = {}
        self._kept: dict[bytes, DeadLetter] = {}
        self._dropped = False
        self._looked = -FRESH_SECONDS
        self._lock = asyncio.Lock()

    async def look(self, limit: int, projects: frozenset[int] | None = None) -> Letters:
        """Return the newest letters, of some projects or of all. Raises LogError."""
        async with self._lock:
            if time.monotonic() - self._looked >= FRESH_SECONDS:
                await self._read()
                self._looked = time.monotonic()
        seen = [dead for dead in self._kept.values() if projects is None or dead.project in projects]
        newest = sorted(seen, key=lambda dead: dead.received, reverse=True)[:limit]
        codes = Counter(f"{dead.role}: {dead.code}" for dead in seen)
        return Letters(newest, codes.most_common(), self._dropped)

    async def _read(self) -> None:
        for partition, bounds in sorted((await self._log.bounds(self._topic)).items()):
            first = max(bounds.start, bounds.end - KEPT)
            at = max(self._next.get(partition, first), first)
            self._dropped = self._dropped or first > bounds.start
            while at < bounds.end and (page := await self._log.read(self._topic, partition, at)):
                self._keep(page)
                at = page[-1].offset + 1
                self._next[partition] = at

    def _keep(self, page: list[Record]) -> None:
        for record in page:
            try:
                self._kept[record.key or b""] = decode_dead_letter(record.value or b"")
            except msgspec.DecodeError:  # of a newer version: a list shows what it can
                continue
        if len(self._kept) > KEPT:
            newest = sorted(self._kept.items(), key=lambda item: item[1].received)[-KEPT:]
            self._kept, self._dropped = dict(newest), True
