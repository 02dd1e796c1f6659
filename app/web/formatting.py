"""Formats numbers and times for people, and lays out small charts. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple, overload

from app.cells import DAY, HOUR, MINUTE

UNITS: Final = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s"))
THOUSAND: Final = 1000
WIDTH: Final = 120
"""Width of a small chart's view box."""
HEIGHT: Final = 24
"""Height of a small chart's view box."""

Rating = Literal["worse", "better", "same"]


@overload
def iso(ms: int) -> str: ...
@overload
def iso(ms: None) -> None: ...
@overload
def iso(ms: int | None) -> str | None: ...
def iso(ms: int | None) -> str | None:
    """Return a time as the API writes it: ISO-8601, UTC, milliseconds only where there are any."""
    if ms is None:
        return None
    when = datetime.fromtimestamp(ms / 1000, UTC)
    text = when.isoformat(timespec="milliseconds" if ms % 1000 else "seconds")
    return text.replace("+00:00", "Z")


def count(number: int) -> str:
    """Return a count as text: 1,234 up to ten thousand, then 12.3k, 4.56M."""
    if number < 10 * THOUSAND:
        return f"{number:,}"
    for size, suffix in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            scaled = number / size
            return f"{scaled:.{0 if scaled >= 100 else 1}f}{suffix}"  # noqa: PLR2004  three digits are enough
    return str(number)


def share(value: float | None) -> str:
    """Return a share of 0..1 as a percentage; a share below 1 never rounds to 100 %."""
    if value is None:
        return "\u2013"
    percent = value * 100
    if percent in {0, 100}:
        return f"{percent:.0f}%"
    places = 1 if percent < 99 else 2 if percent < 99.9 else 3  # noqa: PLR2004  nines need more places
    text = f"{percent:.{places}f}"
    return "99.999%" if text.startswith("100") else f"{text}%"


def ago(ms: int, now: int) -> str:
    """Return how long ago a time was: ``3 min ago``. Both times are ms since the epoch."""
    seconds = (now - ms) // 1000
    if seconds < 0:
        return "just now" if seconds > -MINUTE else "in the future"
    size, unit = next(((size, unit) for size, unit in UNITS if seconds >= size), (1, "s"))
    return "just now" if seconds < 5 else f"{seconds // size} {unit} ago"  # noqa: PLR2004  page loads take as long


def exact(ms: int) -> str:
    """Return a time to the millisecond, with its zone."""
    when = datetime.fromtimestamp(ms / 1000, UTC)
    return when.strftime("%Y-%m-%d %H:%M:%S") + (f".{ms % 1000:03d}" if ms % 1000 else "") + " UTC"


def duration(ms: float) -> str:
    """Return a duration as text: 0.53 ms, 8.7 ms, 812 ms, 1.24 s, 2.5 min."""
    if ms < THOUSAND:
        return f"{ms:.{2 if ms < 1 else 1 if ms < 10 else 0}f} ms"  # noqa: PLR2004  three digits are enough
    seconds = ms / THOUSAND
    return f"{seconds:.2f} s" if seconds < MINUTE else f"{seconds / MINUTE:.1f} min"


class Comparison(NamedTuple):
    """The difference of a number from its previous value, as text and as a rating."""

    text: str
    rating: Rating


def compare(now: float | None, before: float | None, *, more_is_worse: bool = True, points: bool = False) -> Comparison:
    """Compare a number with its previous value. ``points`` is for shares: they differ by percentage points."""
    if now is None or before is None:
        return Comparison("no previous value", "same")
    if points:
        difference = (now - before) * 100
        text = f"{difference:+.2f} points" if abs(difference) >= 0.005 else "unchanged"  # noqa: PLR2004  two places
    elif before == 0:
        difference = now
        text = "up from 0" if now else "unchanged"
    else:
        difference = (now - before) / before * 100
        text = f"{difference:+.0f}%" if abs(difference) >= 0.5 else "unchanged"  # noqa: PLR2004  no places
    if text == "unchanged" or difference == 0:
        return Comparison("unchanged", "same")
    return Comparison(text, "worse" if (difference > 0) == more_is_worse else "better")


class Bar(NamedTuple):
    """One bar of a small chart, in the units of its view box."""

    x: float
    y: float
    width: float
    height: float


def bars(values: Sequence[int]) -> list[Bar]:
    """Lay values out as bars in a box of ``WIDTH`` x ``HEIGHT``; a value above 0 is at least one unit high."""
    top, step = max(values, default=0) or 1, WIDTH / max(len(values), 1)
    laid = []
    for place, value in enumerate(values):
        if value > 0:
            height = max(round(value / top * HEIGHT, 1), 1.5)
            laid.append(Bar(round(place * step, 2), round(HEIGHT - height, 1), round(step * 0.8, 2), height))
    return laid


def rate_per_minute(counts: Mapping[int, int], now: float, minutes: int) -> float:
    """Return the events a minute since the start of the minute that began ``minutes`` before the current one.

    Args:
        counts: Events by start of minute (s).
        now: Seconds since the epoch.
        minutes: Whole minutes before the current, unfinished one.
    """
    start = now // MINUTE * MINUTE - minutes * MINUTE
    return sum(number for at, number in counts.items() if at >= start) / (now - start) * MINUTE


def downsample(values: Sequence[int], most: int) -> list[int]:
    """Sum neighbours so that at most ``most`` values are left."""
    together = -(-len(values) // most) or 1
    return [sum(values[at : at + together]) for at in range(0, len(values), together)]


def dense(counts: Mapping[int, int], start: int, end: int, size: int) -> list[int]:
    """Return the value of every window of ``size`` from ``start`` to ``end`` (all s), 0 for a missing one."""
    return [counts.get(at, 0) for at in range(start - start % size, end, size)]
