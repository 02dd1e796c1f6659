"""Parses times as SDKs send them into milliseconds since the epoch, and corrects a client's clock."""

import math
import re
from datetime import UTC, datetime
from typing import Final

from app.cells import MAX_AGE, MAX_AHEAD

NETWORK_DELAY: Final = 60_000
"""A difference in ms of received and sent_at up to this is network delay; beyond it the client's clock is wrong."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_LIMIT: Final = 1e11
"""A number from here on (in seconds: the year 5138) is in milliseconds, from a thousandfold on in microseconds, etc."""

_LONGEST: Final = 64
_LOOSE: Final = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)(?:[T ]+(\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?)?"
    r" ?(?:(Z|UTC|GMT)|([+-]\d\d):?(\d\d)?)?",
    re.IGNORECASE | re.ASCII,
)


def correct(time: int | None, sent: int | None, received: int) -> int:
    """Return the event's time by the server's clock, in ms since the epoch.

    It is shifted by received - sent where that exceeds a minute, then clamped to [received - 30 days, received +
    1 minute]. An event without a time gets the time received. Source: API.md, "What the numbers mean".
    """
    if time is None:
        return received
    if sent is not None and abs(received - sent) > NETWORK_DELAY:
        time += received - sent
    return min(max(time, received - MAX_AGE * 1000), received + MAX_AHEAD * 1000)


def milliseconds(value: object) -> int | None:
    """Return a time in ms since the epoch: of ISO-8601 in any form, or of a number of s, ms, µs or ns, by its size.

    None for any other value.
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return _number(value)


def _text(text: str) -> int | None:
    if len(text) > _LONGEST:
        return None
    try:
        return _moment(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return _loose(text.strip())


def _loose(text: str) -> int | None:
    match = _LOOSE.fullmatch(text)
    if match is None:
        return _digits(text)
    year, month, day, hour, minute, second, fraction, _zulu, offset_hours, offset_minutes = match.groups()
    try:
        moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), tzinfo=UTC)
    except ValueError:
        return None
    # A leap second (:60) is the first second of the next minute.
    milli = _moment(moment) + int(second or 0) * 1000 + int(f"{fraction or ''}000"[:3])
    sign = -1 if (offset_hours or "").startswith("-") else 1
    return milli - sign * (abs(int(offset_hours or 0)) * 3_600_000 + int(offset_minutes or 0) * 60_000)


def _digits(text: str) -> int | None:
    try:
        return _number(float(text))
    except ValueError:
        return None


def _moment(moment: datetime) -> int:
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


def _number(value: float) -> int | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if abs(value) >= 1e23:  # noqa: PLR2004  beyond nanoseconds of any calendar year
        return None
    while abs(value) >= _SECONDS_LIMIT:
        value /= 1000
    return round(value * 1000)
