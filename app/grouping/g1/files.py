"""Paths as they count: without origin, query, checkout, versions, locales and the hashes of builds."""

import re
from functools import lru_cache
from itertools import pairwise
from typing import Final

_ORIGIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:/{2,4}[^/]*")
_LOCAL: Final = re.compile(r"(?:webpack-internal|webpack|file|app|rollup|vite):/{2,4}")
_VERSIONED: Final = re.compile(
    r"(?:(?:version|build|release|rev|app|v|r)[-_.]?\d[\w.-]*|\d+(?:\.\d+)+[\w.-]*|\d{5,}|[a-z]{2}[_-][A-Z]{2}|\(?[0-9a-f]{7,64}\)?|[0-9a-f-]{36})"
)
_AT_VERSION: Final = re.compile(r"@v?\d[\w.+-]*")
_CAMEL: Final = re.compile(r"[A-Z]?[a-z]+(?:[A-Z][a-z]+)?|[A-Z]?[a-z]{2,}(?:[A-Z][a-z]{2,})+")
_RELEASE: Final = re.compile(r"[-_.@]v?\d+(?:\.\d+)+(?=[-_.]|$)")
_HEX: Final = re.compile(r"[0-9a-f]+")
_ROLLUP: Final = 8
"""Characters of a hash as Rollup, Vite and esbuild append it; they may hold dashes."""
_SHORTEST, _LONGEST = 6, 22
_HASH, _DIGEST = 7, 16
_REMEMBERED: Final = 256
"""Characters of a path whose place is remembered: longer ones are mostly data, and never the same."""
_KEPT: Final = 2
"""Folders and file that count: more would tell checkouts apart, less would lump namesakes."""


def is_hash(text: str) -> bool:
    """Tell whether a piece of a file's name is a build's hash, not a word."""
    if _HEX.fullmatch(text):
        return len(text) >= _DIGEST or (len(text) >= _HASH and any(letter.isdigit() for letter in text))
    if not _SHORTEST <= len(text) <= _LONGEST or not text.isascii():
        return False
    letters = text.replace("-", "").replace("_", "")
    if not letters.isalnum():
        return False
    if not any(letter.isdigit() for letter in letters):
        return len(text) == _ROLLUP and (letters.isupper() or not (letters.islower() or _CAMEL.fullmatch(letters)))
    digits = [letter.isdigit() for letter in letters]
    changes = sum(one != two for one, two in pairwise(digits))
    return changes > 1 or (len(text) == _ROLLUP and not letters.islower() and not letters.istitle())


def place(path: str) -> str:
    """Give the last folder and the file of a path or address, without what changes from build to build."""
    return _remembered(path) if len(path) <= _REMEMBERED else _place(path)


def _place(path: str) -> str:
    text = path.partition("?")[0].partition("#")[0].replace("\\", "/")
    text = _LOCAL.sub("", text, count=1) if _LOCAL.match(text) else _ORIGIN.sub("", text, count=1)
    parts = [_AT_VERSION.sub("", part) for part in text.split("/") if part not in ("", ".", "..", "~")]
    if not parts:
        return ""
    folders = [part for part in parts[:-1] if not _VERSIONED.fullmatch(part) or part.isalpha()]
    return "/".join([*folders[1 - _KEPT :], _dehash(parts[-1])])


_remembered: Final = lru_cache(8192)(_place)


def _dehash(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    if not dot:
        return name
    pieces = _RELEASE.sub("", stem).split(".")
    kept = [piece for piece in ([_head(pieces[0])] + [p for p in pieces[1:] if not is_hash(p)]) if piece]
    return ".".join([*(_head(piece) for piece in kept), extension])


def _head(piece: str) -> str:
    """Take a hash off the end of a piece: after the last dash, or Rollup's own eight characters."""
    if len(piece) > _ROLLUP + 1 and piece[-_ROLLUP - 1] in "-_." and is_hash(piece[-_ROLLUP:]):
        return piece[: -_ROLLUP - 1]
    for mark in "-_~":
        head, found, tail = piece.rpartition(mark)
        if found and head and is_hash(tail):
            return head
    return piece


def stem(path: str) -> str:
    """Give the file's name without its extension."""
    return path.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or path.rpartition("/")[2]


def base(path: str) -> str:
    """Give the file's name alone."""
    return path.replace("\\", "/").rpartition("/")[2]
