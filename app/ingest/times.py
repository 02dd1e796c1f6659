"""Reads the times that SDKs send."""

import re
from datetime import UTC, datetime
from typing import Final

FRACTION: Final = re.compile(r":\d\d[.,]\d")
"""A time of day with a fraction of a second."""

MAX_SECONDS: Final = 253_402_300_800
"""The year 10000: no clock is there."""


def milliseconds(value: object) -> int | None:
    """Give a time in ms since the epoch from ISO-8601 text (without a zone: UTC) or seconds; None if it is none."""
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
    """Tell whether a time is given finer than to the second, so that two equal ones are one."""
    return isinstance(value, str) and FRACTION.search(value) is not None
