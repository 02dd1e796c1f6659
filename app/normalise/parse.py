"""Parses JSON tolerantly, as SDKs send it: NaN, bad UTF-8, lone surrogates, control characters, deep nesting."""

import json
import re
from typing import Any, Final

import orjson

from app.model import Malformed

DEPTH: Final = 100
"""Containers nested deeper are read as null."""

_DIGITS: Final = 400
_NUL: Final = b"\\u0000"
_ODD: Final = re.compile(
    r"\\(?:\\|u0000|u[dD][89abAB][0-9a-fA-F]{2}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?|u[dD][c-fC-F][0-9a-fA-F]{2})"
)
_PAIR: Final = len(r"\ud83d\ude00")
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)


def parse(payload: bytes) -> tuple[dict[str, Any], str]:
    """Parse one JSON object; return it with a note where only the tolerant parser read it ('' otherwise).

    Raises:
        Malformed: ``not_json`` where the tolerant parser fails too, ``not_object`` for any other JSON value.
    """
    value, note = _read(payload)
    if not isinstance(value, dict):
        raise Malformed("not_object", f"expected a JSON object, got {type(value).__name__}")
    return value, note


def has_nul(payload: bytes) -> bool:
    """Return whether strings of this JSON may hold null characters, which only the tolerant parser replaces."""
    return payload.find(_NUL) >= 0  # "in" tries the operand as a number first, at the cost of an exception


def _read(payload: bytes) -> tuple[Any, str]:
    if has_nul(payload):
        return _mended(payload), ""
    try:
        return orjson.loads(payload), ""
    except orjson.JSONDecodeError:
        return _mended(payload), "not strict JSON: read by the tolerant parser"


def _mended(payload: bytes) -> Any:  # noqa: ANN401  any JSON value
    text = _shallow(payload).decode("utf-8-sig", "replace").replace("\0", "\ufffd")
    try:
        return json.loads(_ODD.sub(_legible, text), strict=False, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise Malformed("not_json", f"not JSON ({type(error).__name__})") from None


def _legible(match: re.Match[str]) -> str:
    """Return U+FFFD for an escaped null or lone surrogate; pairs and escaped backslashes stay."""
    escape = match[0]
    return escape if len(escape) in (len("\\\\"), _PAIR) else "\\ufffd"


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < _DIGITS else float(digits)


def _shallow(payload: bytes) -> bytes:
    """Return the payload with null in place of every container below DEPTH; linear, without recursion."""
    kept, start, depth = [], 0, 0
    for match in _TOKEN.finditer(payload):
        token = match[0]
        if token in b"[{":
            depth += 1
            if depth == DEPTH + 1:
                kept += [payload[start : match.start()], b"null"]
        elif token in b"]}":
            if depth == DEPTH + 1:
                start = match.end()
            depth -= 1
    return b"".join([*kept, payload[start:]]) if depth <= DEPTH else payload
