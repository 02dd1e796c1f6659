"""Shared by all kinds of known truth: requests, windows, and times that keep clear of the edges of lateness."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

SIZES = {"1m": 60, "1h": 3600, "1d": 86_400}
LATENESS = {60: 3600, 3600: 3 * 86_400, 86_400: 31 * 86_400}
RELEASES = ("shop@1.0.0", "shop@1.1.0", "shop@2.0.0-beta: 1", "")
ENVIRONMENTS = ("production", "staging: eu", "")


@dataclass(frozen=True)
class Request:
    """One HTTP request and what it holds."""

    path: str
    headers: dict[str, str]
    body: bytes
    retry: bool = True
    """False where a second copy would count again (aggregates): never sent while anything is killed."""


def when(chance: random.Random, now: float) -> tuple[float, float]:
    """Return (time, about how late): mostly fresh; some too late for a minute, some for an hour as well."""
    late = chance.choices(
        [
            chance.uniform(0, 60),
            chance.uniform(300, 2400),
            chance.uniform(2, 40) * 3600 + 3600,
            chance.uniform(4, 25) * 86_400,
        ],
        [80, 10, 6, 4],
    )[0]
    return round(now - late, 3), late  # times are read to the nearest millisecond: none may round into the next minute


def windows_of(time: float, late: float) -> Iterator[tuple[int, int]]:
    """Return (size, start) of each window that takes what happened then and came so late."""
    return ((size, int(time // size) * size) for size in LATENESS if late <= LATENESS[size])


def iso(seconds: float) -> str:
    """Write a time to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
