"""Reads small loosely typed fields that both protocols share: texts that may be numbers, tags, levels, fingerprints."""

from typing import Any, Final

from app.model import Level
from app.normalise.text import SHORT, TAGS, Notes, number

_LEVELS: Final[dict[str, Level]] = {
    "fatal": "fatal", "critical": "fatal", "error": "error", "warning": "warning", "warn": "warning", "info": "info",
    "log": "info", "debug": "debug", "trace": "debug", "50": "fatal", "40": "error", "30": "warning", "20": "info",
    "10": "debug",
}  # fmt: skip
"""Sentry's five, JavaScript's and Python's names, and Python's numbers."""

_FINGERPRINTS: Final = 20
_BIGGEST: Final = 2**31


def plain(value: object, limit: int = SHORT) -> str:
    """Return the text of a field that may be text, a number or a boolean; '' for anything else."""
    if isinstance(value, str):
        return value[:limit]
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(number(value))[:limit] if isinstance(value, int | float) else ""


def line(value: int | None) -> int | None:
    """Return a line or column number, None for an impossible one."""
    return value if value is not None and 0 <= value < _BIGGEST else None


def level(value: object, notes: Notes) -> Level:
    """Return the level; error where it is absent, and, with a note, where it is unknown."""
    if value is None:
        return "error"
    known = _LEVELS.get(plain(value).lower())
    if known is None:
        notes.add("level unknown: taken as error")
    return known or "error"


def fingerprint(value: object, notes: Notes) -> list[str]:
    """Return the client's own fingerprint; [] stands for the default grouping."""
    if value is None:
        return []
    parts = [value] if isinstance(value, str) else value
    if not isinstance(parts, list):
        notes.add("fingerprint dropped: wrong type")
        return []
    texts = [plain(part) for part in parts[:_FINGERPRINTS]]
    return texts if any(texts) else []


def tags(value: Any, notes: Notes) -> dict[str, str]:  # noqa: ANN401  an object or a list of pairs
    """Return tags by name from an object, a list of pairs, or a list of {key, value}."""
    if not value:
        return {}
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = [pair for item in value[: TAGS * 2] if (pair := _pair(item))]
    else:
        pairs = []
    if not pairs or len(pairs) > TAGS:
        notes.add("tags dropped: wrong type" if not pairs else f"more than {TAGS} tags: the rest dropped")
    return {plain(key): plain(text) for key, text in pairs[:TAGS] if text is not None and plain(key)}


def _pair(item: object) -> tuple[Any, Any] | None:
    if isinstance(item, list) and len(item) == 2:  # noqa: PLR2004  a pair
        return item[0], item[1]
    return (item.get("key"), item.get("value")) if isinstance(item, dict) and "key" in item else None
