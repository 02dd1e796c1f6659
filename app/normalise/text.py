"""Bounds on what is derived: lengths of texts, depth and size of values. ``parse`` has replaced odd characters."""

import math
from typing import Any, Final

TYPE: Final = 256
FUNCTION: Final = 512
PATH: Final = 1024
MESSAGE: Final = 8192
SHORT: Final = 200
"""Characters of names: releases, environments, loggers, tags."""

SOURCE: Final = 512
FRAMES: Final = 250
OUTER_FRAMES: Final = 50
"""Outer frames that are kept of a deeper stack; the inner ones fill the rest (GROUPING.md, "Budgets")."""

EXCEPTIONS: Final = 50
THREADS: Final = 100
BREADCRUMBS: Final = 100
IMAGES: Final = 1000
TAGS: Final = 100
NOTES: Final = 20

_DEPTH: Final = 12
_ITEMS: Final = 200
_NODES: Final = 5000
_LEAST: Final = -(2**63)
_GREATEST: Final = 2**64 - 1


class Notes(list[str]):
    """The notes of one event: what was dropped or repaired. At most NOTES, none twice, none quotes the payload."""

    def add(self, note: str) -> None:
        """Add one note."""
        if len(self) < NOTES and note not in self:
            self.append(note)

    def cut(self, text: str | None, limit: int, name: str) -> str:
        """Return the text cut to ``limit`` characters, with a note where it was longer."""
        if not text:
            return ""
        if len(text) > limit:
            self.add(f"{name} cut to {limit} characters")
            return text[:limit]
        return text


def tidy(value: Any, budget: list[int] | None = None, depth: int = _DEPTH) -> Any:  # noqa: ANN401  any JSON value
    """Return a JSON value for display: bounded in depth, width and text, with numbers that strict JSON has."""
    budget = [_NODES] if budget is None else budget
    budget[0] -= 1
    if isinstance(value, str):
        return value[:MESSAGE]
    if isinstance(value, dict | list):
        if depth == 0 or budget[0] <= 0:
            return "…"
        if isinstance(value, list):
            return [tidy(item, budget, depth - 1) for item in value[:_ITEMS]]
        pairs = list(value.items())[:_ITEMS]
        return {str(key)[:SHORT]: tidy(item, budget, depth - 1) for key, item in pairs}
    return _scalar(value)


def number(value: float) -> float:
    """Return an integer beyond 64 bits as a float, as strict JSON parsers read it; infinity beyond a float's range."""
    if isinstance(value, float) or _LEAST <= value <= _GREATEST:
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _scalar(value: Any) -> Any:  # noqa: ANN401  any JSON scalar
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    bounded = number(value)
    return bounded if math.isfinite(bounded) else str(bounded)
