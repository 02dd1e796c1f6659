"""Numbers and times as people read them, and the shapes of small pictures. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from app.cells import DAY, HOUR, MINUTE

UNITS: Final = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s"))
THOUSAND: Final = 1000
WIDTH: Final = 120
HEIGHT: Final = 24


def count(number: int) -> str:
    """Write a count: 1,234 up to ten thousand, then 12.3k, 4.56M."""
    if number < 10 * THOUSAND:
        return f"{number:,}"
    for size, suffix in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            shown = number / size
            return f"{shown:.{0 if shown >= 100 else 1}f}{suffix}"  # noqa: PLR2004  three digits say enough
    return str(number)


def share(value: float | None) -> str:
    """Write a share of 0..1 as a percentage; never 100 % for what is less."""
    if value is None:
        return "\u2013"
    percent = value * 100
    if percent in {0, 100}:
        return f"{percent:.0f}%"
    places = 1 if percent < 99 else 2 if percent < 99.9 else 3  # noqa: PLR2004  nines need more places
    text = f"{percent:.{places}f}"
    return "99.999%" if text.startswith("100") else f"{text}%"


def ago(ms: int, now: int) -> str:
    """Write how long ago something was: ``3 min ago``."""
    seconds = (now - ms) // 1000
    if seconds < 0:
        return "just now" if seconds > -MINUTE else "in the future"
    size, unit = next(((size, unit) for size, unit in UNITS if seconds >= size), (1, "s"))
    return "just now" if seconds < 5 else f"{seconds // size} {unit} ago"  # noqa: PLR2004  below that nobody cares


def exact(ms: int) -> str:
    """Write a time to the millisecond, with its zone."""
    when = datetime.fromtimestamp(ms / 1000, UTC)
    return when.strftime("%Y-%m-%d %H:%M:%S") + (f".{ms % 1000:03d}" if ms % 1000 else "") + " UTC"


def duration(ms: float) -> str:
    """Write a duration: 0.53 ms, 8.7 ms, 812 ms, 1.24 s, 2.5 min."""
    if ms < THOUSAND:
        return f"{ms:.{2 if ms < 1 else 1 if ms < 10 else 0}f} ms"  # noqa: PLR2004  three digits say enough
    seconds = ms / THOUSAND
    return f"{seconds:.2f} s" if seconds < MINUTE else f"{seconds / MINUTE:.1f} min"


class Change(NamedTuple):
    """How a number compares with the one before: text, and whether it is worse."""

    text: str
    mood: str
    """worse, better or same."""


def change(now: float | None, before: float | None, *, more_is_worse: bool = True, points: bool = False) -> Change:
    """Compare two numbers; ``points`` for shares, whose difference is in percentage points."""
    if now is None or before is None:
        return Change("no figure before", "same")
    if points:
        difference = (now - before) * 100
        text = f"{difference:+.2f} points" if abs(difference) >= 0.005 else "unchanged"  # noqa: PLR2004  what is shown
    elif before == 0:
        difference = now
        text = "from 0" if now else "unchanged"
    else:
        difference = (now - before) / before * 100
        text = f"{difference:+.0f}%" if abs(difference) >= 0.5 else "unchanged"  # noqa: PLR2004  what is shown
    if text == "unchanged" or difference == 0:
        return Change("unchanged", "same")
    return Change(text, "worse" if (difference > 0) == more_is_worse else "better")


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


def a_minute(found: Mapping[int, int], now: float, minutes: int) -> float:
    """Give how many a minute there were in the last ``minutes`` whole ones and the one that runs at ``now`` (s)."""
    start = now // MINUTE * MINUTE - minutes * MINUTE
    return sum(number for at, number in found.items() if at >= start) / (now - start) * MINUTE


def fewer(values: Sequence[int], most: int) -> list[int]:
    """Sum neighbours so that at most ``most`` values are left."""
    together = -(-len(values) // most) or 1
    return [sum(values[at : at + together]) for at in range(0, len(values), together)]


def spread(found: Mapping[int, int], start: int, end: int, size: int) -> list[int]:
    """Give a value for every window from ``start`` to ``end`` (s), 0 where nothing was found."""
    return [found.get(at, 0) for at in range(start - start % size, end, size)]
