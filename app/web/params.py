"""Reads what a request's query says: times, ranges, windows, limits. Pure; what cannot be read is a 400."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from app.cells import DAY, HOUR, MINUTE
from app.web.errors import bad

Sort = Literal["last_seen", "first_seen", "count", "users", "rate", "growth"]
SORTS: Final[tuple[Sort, ...]] = ("last_seen", "first_seen", "count", "users", "rate", "growth")
WINDOWS: Final = {"1m": MINUTE, "1h": HOUR, "1d": DAY}
MAX_POINTS: Final = 50_000
"""Windows of one reply at most: 34 days of minutes."""
MAX_LIMIT: Final = 200
DEFAULT_LIMIT: Final = 50
LONGEST: Final = 40
"""Characters of a time that are looked at."""
LATEST: Final = 4_102_444_800_000
"""The year 2100, ms: what is asked beyond it is cut, so that no sum overflows a store's integers."""


class Range(NamedTuple):
    """Half-open, ms since the epoch."""

    start: int
    end: int

    def outward(self, size: int) -> "Range":
        """Round outward to windows of ``size`` seconds."""
        step = size * 1000
        return Range(self.start - self.start % step, self.end + -self.end % step)


def moment(text: str) -> int:
    """Read an ISO-8601 time (UTC where it names no zone) or seconds since the epoch, as ms."""
    try:
        text = text[:LONGEST]
        if text.replace(".", "", 1).isascii() and text.replace(".", "", 1).isdigit() and len(text) > len("20260101"):
            return min(int(float(text) * 1000), LATEST)
        # A plus sign that a client forgot to escape arrives as a blank.
        when = datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text.strip())
    except ValueError as error:
        raise bad("bad_time", "from and to are ISO-8601 times such as 2026-01-31T14:00:00Z.") from error
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return min(max(round(when.timestamp() * 1000), 0), LATEST)


def span(query: Mapping[str, str], now: int, *, hours: int = 24) -> Range:
    """Read ``from`` and ``to``; without them the last ``hours``."""
    end = moment(query["to"]) if query.get("to") else now
    start = moment(query["from"]) if query.get("from") else end - hours * HOUR * 1000
    if start >= end:
        raise bad("bad_range", "from must be before to.")
    return Range(max(start, 0), end)


def window(query: Mapping[str, str], asked: Range) -> str:
    """Read ``window``; without it the one that suits the range."""
    name = query.get("window", "")
    if not name:
        hours = (asked.end - asked.start) / 1000 / HOUR
        name = "1m" if hours <= 12 else "1h" if hours <= 24 * 14 else "1d"  # noqa: PLR2004  about 700 points at most
    if name not in WINDOWS:
        raise bad("bad_window", "window is 1m, 1h or 1d.")
    if (asked.end - asked.start) / 1000 / WINDOWS[name] > MAX_POINTS:
        raise bad("range_too_long", f"At most {MAX_POINTS} windows at once: choose a larger window or a shorter range.")
    return name


def limit(query: Mapping[str, str], *, default: int = DEFAULT_LIMIT) -> int:
    """Read ``limit``; above the maximum it is capped."""
    text = query.get("limit", "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or int(text[:9]) < 1:
        raise bad("bad_limit", "limit is a number from 1.")
    return min(int(text[:9]), MAX_LIMIT)


def choice(query: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str) -> str:
    """Read one of ``allowed``."""
    value = query.get(name) or default
    if value not in allowed and value != default:
        raise bad(f"bad_{name}", f"{name} is one of: {', '.join(allowed)}.")
    return value


def sort(query: Mapping[str, str]) -> Sort:
    """Read how groups are sorted."""
    value = query.get("sort") or "last_seen"
    found = next((name for name in SORTS if name == value), None)
    if found is None:
        raise bad("bad_sort", f"sort is one of: {', '.join(SORTS)}.")
    return found


def iso(ms: int | None) -> str | None:
    """Write a time as the API does: ISO-8601, UTC, milliseconds only where there are any."""
    if ms is None:
        return None
    when = datetime.fromtimestamp(ms / 1000, UTC)
    text = when.isoformat(timespec="milliseconds" if ms % 1000 else "seconds")
    return text.replace("+00:00", "Z")
