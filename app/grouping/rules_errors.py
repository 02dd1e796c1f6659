"""Says in which line of a project's TOML an error is, for the person who wrote it. Pure."""

import itertools
import re
from typing import Final

from app.grouping.rules import RulesError

_PATH: Final = re.compile(r" - at `\$(?P<path>[^`]*)`")
_STEP: Final = re.compile(r"\.(?P<key>\w+)|\[(?P<place>\d+)\]")
_UNKNOWN: Final = re.compile(r"unknown field `(?P<key>[^`]+)`")
_RULE: Final = re.compile(r"^group_by (?P<quote>['\"])(?P<name>.*?)(?P=quote): ")
_END: Final = "(at end of document)"


def explain(text: str, error: RulesError) -> str:
    """Return the error's text with the line that it is about, where that can be told."""
    message, lines = str(error), text.splitlines()
    if _END in message:
        return message.replace(_END, f"(at line {len(lines) or 1}, the last one)")
    path, unknown, rule = _PATH.search(message), _UNKNOWN.search(message), _RULE.search(message)
    line = 0
    if path is not None or unknown is not None:
        steps = [(step["key"] or "", int(step["place"] or 0)) for step in _STEP.finditer(path["path"] if path else "")]
        line = _line_of(lines, steps, unknown["key"] if unknown else "")
    elif rule is not None:
        names = [f"{quote}{rule['name']}{quote}" for quote in "\"'"]
        line = next((number for number, known in enumerate(lines, 1) if any(name in known for name in names)), 0)
    return f"{_PATH.sub('', message)} (at line {line})" if line else message


def _line_of(lines: list[str], steps: list[tuple[str, int]], unknown: str) -> int:
    """Return the line of the innermost key that a line begins with, 0 for none.

    Args:
        lines: The TOML.
        steps: A path: ``$.group_by[1].by`` is the key ``by`` below the second header ``[[group_by]]``.
        unknown: A key below the path, '' for none.
    """
    at = 0
    for (key, _), (below, place) in itertools.pairwise([*steps, ("", 0)]):
        if not key:
            continue
        headers = [number for number, line in enumerate(lines, 1) if _header(line) == key]
        if headers and not at:
            at = headers[min(0 if below else place, len(headers) - 1)]
        else:
            at = _key_line(lines, at, key) or at
    return (_key_line(lines, at, unknown) or at) if unknown else at


def _header(line: str) -> str:
    """Return the name of the table that a line begins, '' for any other line."""
    bare = line.partition("#")[0].strip()
    return bare.strip("[] \t") if bare.startswith("[") and bare.endswith("]") and "=" not in bare else ""


def _key_line(lines: list[str], after: int, key: str) -> int:
    """Return the line of a key, or of the table of this name, after a line and before the next table; 0 for none."""
    for number, line in enumerate(lines[after:], after + 1):
        if header := _header(line):
            return number if header == key else 0
        if line.partition("=")[0].strip().strip("\"'") == key:
            return number
    return 0
