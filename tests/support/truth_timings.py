"""Timings of known truth: what raygun4js would send, and the expected figures of every window of every name."""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import asyncpg
import msgspec

from tests.support.truth_parts import LATENESS, RELEASES, Request, iso, when, windows_of

SHARES = (50, 75, 95, 99)
NAMES = {
    "p": ("page", {"/": "/", "/orders/{}": "/orders/{id}", "/cart": "/cart"}),
    "x": ("request", {"/api/v1/stock": "/api/v1/stock", "/api/v1/orders/{}/lines": "/api/v1/orders/{id}/lines"}),
    "c": ("asset", {"/static/app.{:08x}f.js": "/static/app.{id}.js"}),
}
SITE = "https://shop.example"
ACCURACY = 0.01
"""The greatest relative error of a percentile."""
LEAST, MOST = 0.01, 3_600_000.0
"""ms; the limits between which durations are told apart."""
GROWTH = (1 + ACCURACY) / (1 - ACCURACY)
"""By what the top of a bucket of durations is greater than that of the bucket below."""

Window = tuple[str, str, int, int]
"""(kind and name, release or '', size, start)."""
Read = Callable[[str], Awaitable[Any]]


@dataclass(frozen=True)
class SentTiming:
    """One duration as it must be counted, once, however often it was sent."""

    time: float
    late: float
    release: str
    kind: str
    name: str
    ms: float


def request(chance: random.Random, now: float, raygun_key: str) -> tuple[Request, list[SentTiming]]:
    """Make one request of some events, each of some durations."""
    events, sent = [], list[SentTiming]()
    for _ in range(chance.randrange(1, 4)):
        (time, late), release = when(chance, now), chance.choice(RELEASES)
        items = [_item(chance) for _ in range(chance.randrange(1, 5))]
        sent += [SentTiming(time, late, release, kind, name, ms) for kind, name, ms, _ in items]
        event = {"sessionId": "s", "requestId": f"{chance.getrandbits(64):x}", "timestamp": iso(time)}
        event |= {"type": "web_request_timing", "data": json.dumps([shown for *_, shown in items])}
        events.append(event | ({"version": release} if release else {}))
    body = json.dumps({"eventData": events}).encode()
    return Request("/events", {"X-ApiKey": raygun_key, "Content-Type": "text/plain"}, body), sent


def _item(chance: random.Random) -> tuple[str, str, float, dict[str, Any]]:
    letter = chance.choice(sorted(NAMES))
    kind, names = NAMES[letter]
    path, name = chance.choice(sorted(names.items()))
    ms = round(chance.lognormvariate(5, 1.5), 3)
    url = SITE + path.format(chance.randrange(10**6) + 1000)
    timing = {"t": letter, "du": chance.choice([ms, f"{ms}"])}
    return kind, name, ms, {"url": url, "timing": timing, "parentResource": {"url": f"{SITE}/", "type": "p"}}


class TimingsChecker:
    """Compares the timings of an installation with the truth. ``base`` is the project's path in the API."""

    def __init__(self, sent: list[SentTiming], base: str) -> None:
        self._base = base
        self.windows: dict[Window, list[float]] = defaultdict(list)
        for each in sent:
            for release in {"", each.release}:
                for window in windows_of(each.time, each.late):
                    self.windows[f"{each.kind} {each.name}", release, *window].append(each.ms)

    async def check(self, read: Read) -> int:
        """Compare count and percentiles of every hour and day, and of the minutes of all releases together."""
        spans = {key[1:] for key in self.windows}
        compared = 0
        for release, size, start in sorted(spans):
            if size > min(LATENESS) or not release:
                compared += await self._window(read, release, size, start)
        return compared

    async def _window(self, read: Read, release: str, size: int, start: int) -> int:
        want = {key[0]: sorted(ms) for key, ms in self.windows.items() if key[1:] == (release, size, start)}
        rows = {f"{row['kind']} {row['name']}": row for row in await self.points(read, release, size, start)}
        assert {name: row["count"] for name, row in rows.items()} == {name: len(ms) for name, ms in want.items()}
        for name, ms in want.items():
            for share in SHARES:
                exact, read_value = ms[share * (len(ms) - 1) // 100], rows[name][f"p{share}"]
                assert abs(read_value - exact) <= ACCURACY * exact + 0.01, (name, release, size, start, share)
        return len(want)

    async def points(self, read: Read, release: str, size: int, start: int) -> list[dict[str, Any]]:
        """Return the API's rows of one window."""
        query = {"from": iso(start), "to": iso(start + size)} | ({"release": release} if release else {})
        rows: list[dict[str, Any]] = (await read(f"{self._base}/timings?{urlencode(query)}"))["timings"]
        return rows

    async def rows(self, connection: "asyncpg.Connection[asyncpg.Record]") -> int:
        """Compare count and buckets of every row in PostgreSQL; return how many there are."""
        want = {key: Counter(map(_bucket, ms)) for key, ms in self.windows.items()}
        found = await connection.fetch(
            "select grp, release, size, start, counts, sketches from windows where kind = 't'"
        )
        got = {(row["grp"], row["release"], row["size"], row["start"]): row for row in found}
        buckets = {key: _counts(row["sketches"]) for key, row in got.items()}
        assert buckets == want, sorted(key for key in got.keys() | want.keys() if buckets.get(key) != want.get(key))[:8]
        assert {key: json.loads(row["counts"]) for key, row in got.items()} == {
            key: {"timings": sum(counts.values())} for key, counts in want.items()
        }
        return len(got)


def _bucket(ms: float) -> int:
    """Return the bucket that a duration must be counted in, 0 for the lowest."""
    number, top = 0, LEAST
    while top < min(ms, MOST):
        number, top = number + 1, top * GROWTH
    return number


def _counts(sketches: bytes) -> dict[int, int]:
    """Return the count of each bucket of a stored row: a sketch within a map of sketches, both MessagePack."""
    return msgspec.msgpack.decode(msgspec.msgpack.decode(sketches, type=dict[str, bytes])["ms"], type=dict[int, int])
