"""Turns one Raygun timing event into its durations. Source of the shapes: WIRE.md, "Raygun timings"."""

import math
import re
from typing import Any, Final

from app.model import Facts, Malformed, Timing, TimingKind, Timings
from app.normalise.fields import plain
from app.normalise.parse import parse
from app.normalise.places import NAME, place_of
from app.normalise.raygun import release_of
from app.normalise.text import Notes
from app.normalise.versions import rules_of

ITEMS: Final = 500
"""Durations that are read of one event: one page with all assets that it loaded."""

LONGEST: Final = 86_400_000.0
"""Milliseconds; a duration of over a day is no measurement."""

_WEB: Final[dict[str, TimingKind]] = {
    "p": "page", "v": "view", "x": "request", "c": "asset", "e": "cached", "t": "custom", "w": "vital",
}  # fmt: skip
_MOBILE: Final[dict[str, TimingKind]] = {"p": "page", "n": "request"}
_METHOD: Final = re.compile(r"([A-Z]{3,7}) +(.*)", re.DOTALL)
_LONGEST_NUMBER: Final = 40


def timings(facts: Facts, payload: bytes) -> Timings:
    """Return the durations of one event, by the version of the facts; unreadable items are left out with a note.

    Raises Malformed for a payload that is no object, UnknownSchema for an unknown version.
    """
    rules = rules_of(facts.normalisation)
    fields, note = parse(payload)
    notes = Notes([note] if note else [])
    time = rules.milliseconds(fields.get("timestamp"))
    if time is None:
        notes.add("timestamp missing or cannot be read: the time received stands for it")
    items = _items(fields.get("data"), notes)
    return Timings(
        time=rules.corrected(time, facts, notes),
        release=release_of(fields.get("version"), rules),
        durations=[timing for item in items if (timing := _timing(item, notes)) is not None],
        notes=notes,
    )


def _items(data: object, notes: Notes) -> list[Any]:
    """Return the list in ``data``, which most clients send as JSON inside a string."""
    if isinstance(data, str):
        try:
            data = parse(b'{"data":' + data.encode() + b"}")[0].get("data")
        except Malformed:
            data = None
    if not isinstance(data, list):
        notes.add("data is no list")
        return []
    if len(data) > ITEMS:
        notes.add(f"more than {ITEMS} durations: the rest dropped")
    return data[:ITEMS]


def _timing(item: object, notes: Notes) -> Timing | None:
    timing = item.get("timing") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(timing, dict):
        notes.add("an item without timing dropped")
        return None
    mobile = "t" not in timing
    kind = (_MOBILE if mobile else _WEB).get(plain(timing.get("type" if mobile else "t")))
    ms = _duration(timing.get("duration" if mobile else "du"))
    if kind is None or ms is None:
        notes.add("a timing of unknown kind dropped" if kind is None else "a duration that cannot be one dropped")
        return None
    name = _mobile_name(item, kind) if mobile else _web_name(item, kind)
    return Timing(kind, name or "(no name)", ms)


def _duration(value: object) -> float | None:
    """Return a duration in ms, sent as a number or as text; None for one that no clock measures."""
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= LONGEST and math.isfinite(value) else None


def _web_name(item: dict[str, Any], kind: TimingKind) -> str:
    url = item.get("url")
    if not isinstance(url, str) or not url:
        return ""
    if kind in ("custom", "vital"):
        return url[:NAME]
    parent = item.get("parentResource")
    page = parent.get("url") if isinstance(parent, dict) else None
    return place_of(url, url if kind in ("page", "view") else page if isinstance(page, str) else "")


def _mobile_name(item: dict[str, Any], kind: TimingKind) -> str:
    name = plain(item.get("name"), 2 * NAME)
    if kind == "page":
        return name[:NAME]
    method = _METHOD.fullmatch(name)
    return f"{method[1]} {place_of(method[2])}"[:NAME] if method else place_of(name)
