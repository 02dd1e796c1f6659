"""Makes the name under which timings of a URL are counted: parts that vary from visit to visit are left out."""

import re
from typing import Final
from urllib.parse import urlsplit

NAME: Final = 120
"""Characters of a name."""

SEGMENTS: Final = 8
"""Segments of a path that are kept; the rest becomes one ``…``."""

_LOOKED_AT: Final = 2048
_SEGMENT: Final = 40
_ID: Final = "{id}"
_DIGITS: Final = re.compile(r"\d+")
_UUID: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)
_HASH: Final = re.compile(r"(?=[a-f]*\d)[0-9a-f]{6,}|(?=[A-Z_a-z]*\d)(?=[^A-Z]*[A-Z])[0-9A-Za-z]{8,}")
"""Hexadecimal with a digit in it, or capitals and digits mixed, as in names that bundlers make and in random keys."""

_LETTERS: Final = re.compile(r"[^\W\d_]")
_MOST_DIGITS: Final = 3
_PARTS: Final = re.compile(r"[._~-]")
_ODD: Final = re.compile(r"[%@:,;=+$!*'()\s]")


def place_of(url: str, page: str = "") -> str:
    """Return the path of a URL with ids as ``{id}``, without query; with its host where that is not the page's own."""
    host, path = _split(url)
    return (("" if host == _split(page)[0] else host) + _path(path))[:NAME]


def _split(url: str) -> tuple[str, str]:
    """Return host (with port) and path; of a text that is no URL everything up to a query is the path."""
    try:
        parts = urlsplit(url[:_LOOKED_AT])
    except ValueError:
        return "", re.split(r"[?#]", url[:_LOOKED_AT], maxsplit=1)[0]
    return parts.netloc.rpartition("@")[2].lower(), parts.path


def _path(path: str) -> str:
    segments = [part.partition(";")[0] for part in path.split("/")]
    kept = [_segment(part) for part in segments[: SEGMENTS + 1]]
    text = "/".join([*kept, "…"] if len(segments) > SEGMENTS + 1 else kept)
    return text if text.startswith("/") else "/" + text


def _segment(text: str) -> str:
    if len(text) > _SEGMENT or _ODD.search(text) or _UUID.fullmatch(text):
        return _ID
    separators, parts = _PARTS.findall(text), _PARTS.split(text)
    names = [_ID if _varies(part) else part for part in parts]
    if _ID in names and any(name not in ("", _ID) for name in names):
        return "".join(name + mark for name, mark in zip(names, [*separators, ""], strict=True))
    return _ID if _ID in names or _varies("".join(parts)) else text


def _varies(text: str) -> bool:
    """Return whether a part of a path is likelier a value than a word of the program."""
    digits = sum(map(len, _DIGITS.findall(text)))
    return digits > _MOST_DIGITS or (digits > 0 and (not _LETTERS.search(text) or _HASH.fullmatch(text) is not None))
