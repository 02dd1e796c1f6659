"""Parses the times that ingest needs of what SDKs send."""

import re
from datetime import UTC, datetime
from typing import Final

FRACTION: Final = re.compile(r":\d\d[.,]\d|/Date\(-?\d+[+)-]", re.ASCII)
"""A time of day with a fraction of a second, or Microsoft's ``/Date(ms)/``."""

MAX_SECONDS: Final = 253_402_300_800
"""The year 10000, which no clock shows."""


def milliseconds(value: object) -> int | None:
    """Return ms since the epoch of ISO-8601 text (without a zone: UTC) or of a number of seconds, None otherwise."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return int(value * 1000) if 0 <= value < MAX_SECONDS else None
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def has_fraction(value: object) -> bool:
    """Return whether a time has a fraction of a second, so that equal reports with it are one report sent twice."""
    return isinstance(value, str) and FRACTION.search(value) is not None
