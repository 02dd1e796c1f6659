"""Labelled streams with something taken away or put in: what a grouping still reaches without it."""

import copy
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Row = dict[str, Any]
_SOURCE = ("context_line", "pre_context", "post_context")
_LINES = ("lineno", "colno", "instruction_addr", "lineNumber", "columnNumber", "LineNumber", "ColumnNumber")
_RELEASE = ("release", "version", "Version")
_WORD = re.compile(r"\w+")
_WORDS = (
    "amber", "brook", "cedar", "dune", "ember", "fjord", "grove", "heath", "islet", "juniper", "kelp", "lagoon",
    "Møre", "Ñandú",
    "olive", "prairie", "quartz", "reef", "Straße", "tundra", "ивa", "valley", "柳", "xenon", "yarrow", "zephyr",
    "two words", "a, b",
)  # fmt: skip
_SEED = 51


def _frames(row: Row) -> Iterator[dict[str, Any]]:
    """Yield the frames of a row's event, of either protocol."""
    event = row["event"]
    for name in ("exception", "threads"):
        for one in (event.get(name) or {}).get("values", []):
            yield from (one.get("stacktrace") or {}).get("frames", [])
    details = event.get("details") or event.get("Details") or {}
    error = details.get("error") or details.get("Error") or {}
    yield from error.get("stackTrace") or error.get("StackTrace") or []


def _without(row: Row, *, source: bool = False, lines: bool = False, release: bool = False) -> Row:
    row = copy.deepcopy(row)
    for frame in _frames(row):
        for name in (*(_SOURCE if source else ()), *(_LINES if lines else ())):
            frame.pop(name, None)
        if source and row.get("protocol") == "raygun" and row["platform"] == "python":
            frame["methodName"] = ""
    if release:
        for holder in (row["event"], row["event"].get("details") or row["event"].get("Details") or {}):
            for name in _RELEASE:
                holder.pop(name, None)
    return row


def _each(**taken: bool) -> Callable[[Sequence[Row]], list[Row]]:
    return lambda given: [_without(row, **taken) for row in given]


def other_words(given: Sequence[Row]) -> list[Row]:
    """Return the rows with other words in the place of those in which the messages of one bug differ."""
    dice = random.Random(_SEED)
    common: dict[str, set[str]] = {}
    for row in given:
        words = set(_text(row).split())
        name = f"{row.get('source', '')}/{row['label']}"
        common[name] = common[name] & words if name in common else words
    made = []
    for row in given:
        kept = common[f"{row.get('source', '')}/{row['label']}"]
        changed, old = copy.deepcopy(row), _text(row)
        new = " ".join(
            word if word in kept else _WORD.sub(lambda _: dice.choice(_WORDS), word, count=1) for word in old.split(" ")
        )
        _put(changed["event"], old, new)
        made.append(changed)
    return made


def _text(row: Row) -> str:
    return next(_messages(row["event"]), "")


def _messages(event: Mapping[str, Any]) -> Iterator[str]:
    for one in (event.get("exception") or {}).get("values", [])[-1:]:
        yield one.get("value") or ""
    details = event.get("details") or event.get("Details") or {}
    error = details.get("error") or details.get("Error") or {}
    yield from (error[name] for name in ("message", "Message") if error.get(name))
    entry = event.get("logentry") or event.get("message")
    yield entry if isinstance(entry, str) else (entry or {}).get("formatted") or (entry or {}).get("message") or ""


def _put(value: Any, old: str, new: str) -> None:  # noqa: ANN401  any JSON value
    """Put a text in the place of another wherever it is all of a value."""
    if not old:
        return
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        if item == old:
            value[key] = new
        else:
            _put(item, old, new)


ALTERED: dict[str, Callable[[Sequence[Row]], list[Row]]] = {
    "no source": _each(source=True),
    "no release": _each(release=True),
    "neither source nor release": _each(source=True, release=True),
    "neither source nor lines": _each(source=True, lines=True),
    "other words": other_words,
}
"""What is changed, by name."""
