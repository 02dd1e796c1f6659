"""Version n2 of normalisation: repairs of n1 that real SDKs need (WIRE.md, "Versions of normalisation")."""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final

from app.cells import MAX_AGE
from app.model import Facts
from app.normalise.parameters import filled, text_of
from app.normalise.rules import Rules
from app.normalise.text import Notes
from app.normalise.times import correct, milliseconds

LEGACY: Final = {
    f"sentry.interfaces.{name}": field
    for name, field in (
        ("Exception", "exception"), ("Message", "logentry"), ("User", "user"), ("Http", "request"),
        ("Stacktrace", "stacktrace"), ("Template", "template"), ("Threads", "threads"), ("Csp", "csp"),
        ("Breadcrumbs", "breadcrumbs"), ("Contexts", "contexts"),
    )
}  # fmt: skip
"""The names of a field in the protocol before version 7, by which raven and io.sentry 1 still send."""

EARLIEST: Final = 1_325_376_000_000
"""2012-01-01 in ms: an event with an earlier time is of a clock that was never set. No SDK is that old."""

_LEGACY_MARK: Final = b'"sentry.interfaces.'
_LONGEST: Final = 64
_DATE: Final = re.compile(r"\\?/Date\((-?\d{1,18})(?:[+-]\d{4})?\)\\?/", re.ASCII)
_DAY: Final = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}, ?\d", re.IGNORECASE)
_STALE: Final = "the time sent is over 30 days old and nothing tells the clock's error: the time received stands for it"


def _needs_mending(payload: bytes) -> bool:
    return payload.find(_LEGACY_MARK) >= 0  # "in" tries the operand as a number first, at the cost of an exception


def _mended(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event with today's names of fields, and with text for a message of any other type."""
    renamed = {_name(key, event): value for key, value in event.items()}
    for field in ("message", "logentry"):
        value = renamed.get(field)
        if isinstance(value, list):
            renamed[field] = text_of(value)
        elif isinstance(value, dict):
            renamed[field] = {key: text_of(part) if _is_odd(key, part) else part for key, part in value.items()}
    return renamed


def _name(key: str, event: dict[str, Any]) -> str:
    field = LEGACY.get(key)
    return field if field is not None and event.get(field) is None else key


def _is_odd(key: str, part: object) -> bool:
    return key in ("message", "formatted") and isinstance(part, list | dict)


def _milliseconds(value: object) -> int | None:
    """Return ms of all forms of n1, of ``/Date(ms)/`` (Microsoft's JSON) and of RFC 1123."""
    if isinstance(value, str) and len(value) <= _LONGEST:
        text = value.strip()
        if match := _DATE.fullmatch(text):
            return int(match[1])  # always ms of UTC: an offset only tells the sender's zone
        if _DAY.match(text):
            return _rfc_1123(text)
    return milliseconds(value)


def _rfc_1123(text: str) -> int | None:
    try:
        moment = parsedate_to_datetime(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _corrected(time: int | None, facts: Facts, notes: Notes) -> int:
    """Return n1's time, but the time received for one that is over 30 days old because of a wrong clock.

    That is so where no ``sent_at`` tells the clock's error, and where the time is earlier than any SDK.
    """
    corrected = correct(time, facts.sent, facts.received)
    if time is None or corrected > facts.received - MAX_AGE * 1000:
        return corrected
    if facts.sent is None or time < EARLIEST:
        notes.add(_STALE)
        return facts.received
    return corrected


RULES: Final = Rules(
    name="n2",
    lenient=True,
    counts_more=True,
    needs_mending=_needs_mending,
    mended=_mended,
    filled=filled,
    trimmed=str.strip,
    milliseconds=_milliseconds,
    corrected=_corrected,
)
