"""The reader of dead letters: the newest of a log, those of one address, and the newest kept up to date."""

import asyncio
import heapq
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

import msgspec

from app.log.contract import Log, Record
from app.model import Address
from app.records import DeadLetter, UnknownSchema, decode_dead_letter
from app.topics import DEAD_LETTERS, qualified

KEPT: Final = 1000
"""Dead letters that ``RecentDeadLetters`` holds in memory."""

FRESH_SECONDS: Final = 2.0
"""How long ``RecentDeadLetters`` answers from memory before it reads the log again."""

_PAGE: Final = 500


async def listing(log: Log, generation: int, *, limit: int = 100, project: int | None = None) -> list[DeadLetter]:
    """Return the newest dead letters by received time, newest first, each once however often it was delivered.

    The whole topic is read (it is as short as the log's retention); at most ``limit`` letters and a page are in memory.
    Raises LogError.
    """
    kept: list[tuple[int, bytes, DeadLetter]] = []
    held: set[bytes] = set()
    async for key, letter in _all(log, generation):
        if key in held or (project is not None and letter.project != project):
            continue
        held.add(key)
        heapq.heappush(kept, (letter.received, key, letter))
        if len(kept) > limit:
            held.discard(heapq.heappop(kept)[1])
    return [letter for _, _, letter in sorted(kept, key=lambda item: item[:2], reverse=True)]


async def find(log: Log, generation: int, address: Address) -> list[DeadLetter]:
    """Return the dead letters of one address, at most one of each role that read the record. Raises LogError."""
    letters = {key: letter async for key, letter in _all(log, generation) if letter.address == address}
    return list(letters.values())


class Letters(NamedTuple):
    """The newest dead letters first, and how many of all that are kept have each code."""

    newest: list[DeadLetter]
    codes: list[tuple[str, int]]
    more: bool
    """True where there are older ones than those that were counted."""


class RecentDeadLetters:
    """The ``KEPT`` newest dead letters of one log, each once however often it was delivered."""

    def __init__(self, log: Log, generation: int) -> None:
        self._log = log
        self._topic = qualified(generation, DEAD_LETTERS)
        self._next: dict[int, int] = {}
        self._kept: dict[bytes, DeadLetter] = {}
        self._dropped = False
        self._read_at = -FRESH_SECONDS
        self._lock = asyncio.Lock()

    async def newest(self, limit: int, projects: frozenset[int] | None = None) -> Letters:
        """Return the newest letters, of some projects or of all. Raises LogError."""
        async with self._lock:
            if time.monotonic() - self._read_at >= FRESH_SECONDS:
                await self._read()
                self._read_at = time.monotonic()
        visible = [letter for letter in self._kept.values() if projects is None or letter.project in projects]
        newest = sorted(visible, key=lambda letter: letter.received, reverse=True)[:limit]
        codes = Counter(f"{letter.role}: {letter.code}" for letter in visible)
        return Letters(newest, codes.most_common(), self._dropped)

    async def _read(self) -> None:
        for partition, bounds in sorted((await self._log.bounds(self._topic)).items()):
            first = max(bounds.start, bounds.end - KEPT)
            start = max(self._next.get(partition, first), first)
            self._dropped = self._dropped or first > bounds.start
            async for page in _pages(self._log, self._topic, partition, start, bounds.end):
                self._keep(page)
                self._next[partition] = page[-1].offset + 1

    def _keep(self, page: list[Record]) -> None:
        self._kept.update(_decoded(page))
        if len(self._kept) > KEPT:
            newest = sorted(self._kept.items(), key=lambda item: item[1].received)[-KEPT:]
            self._kept, self._dropped = dict(newest), True


async def _all(log: Log, generation: int) -> AsyncIterator[tuple[bytes, DeadLetter]]:
    topic = qualified(generation, DEAD_LETTERS)
    for partition, bounds in sorted((await log.bounds(topic)).items()):
        async for page in _pages(log, topic, partition, bounds.start, bounds.end):
            for key, letter in _decoded(page):
                yield key, letter


async def _pages(log: Log, topic: str, partition: int, start: int, end: int) -> AsyncIterator[list[Record]]:
    offset = start
    while offset < end and (page := await log.read(topic, partition, offset, max_records=_PAGE)):
        yield page
        offset = page[-1].offset + 1


def _decoded(page: list[Record]) -> list[tuple[bytes, DeadLetter]]:
    """Return the letters of a page by key; newer and unreadable ones are left out, so that a list can be shown."""
    letters: list[tuple[bytes, DeadLetter]] = []
    for record in page:
        try:
            letters.append((record.key or b"", decode_dead_letter(record.value or b"")))
        except (msgspec.DecodeError, UnicodeDecodeError, UnknownSchema):
            continue
    return letters
