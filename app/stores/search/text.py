"""Words as search sees them: the same cutting of text for documents and for queries. Pure.

Text is cut at everything that is no letter or digit, and at the humps of camelCase, so that parts of dotted names, of
identifiers and of paths are found. An identifier with humps is also a word as a whole. Case is ignored, and so is how
Unicode composes letters; ideographs, kana and Hangul syllables are words of one character. A word has 64 characters at
most, what follows is left out.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

MAX_WORD: Final = 64
MAX_VALUE: Final = 200
"""Characters of a field's value that count; PostgreSQL takes lexemes up to 2046 bytes."""

CACHED: Final = 20_000
"""Runs kept cut, some 8 MB: events name the same modules, functions and files over and over."""

CACHED_LENGTH: Final = 32
"""Characters of a run that is kept cut: longer ones seldom come again, and a cache of them has no bound in bytes."""

_RUN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_ASCII_RUN: Final = re.compile(r"[A-Za-z0-9]+")
"""The same for text of ASCII alone, as nearly all is: without the classes of Unicode it takes a third less."""

_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_TYPE: Final = re.compile(r"(\S+?)(?:: .*)?", re.DOTALL)


class Run(NamedTuple):
    """Letters and digits without a break: its parts in order, and the whole where it has several ('' else)."""

    parts: list[str]
    whole: str


def storable(text: str) -> str:
    """Give the text with U+FFFD in place of what PostgreSQL's text cannot hold: nulls and lone surrogates."""
    return text if text.isascii() and "\0" not in text else _UNSTORABLE.sub("\ufffd", text)


def runs(text: str) -> list[Run]:
    """Cut text into runs and those into words."""
    found = _ASCII_RUN.findall(text) if text.isascii() else _RUN.findall(unicodedata.normalize("NFKC", text))
    return [_remembered(run) if len(run) <= CACHED_LENGTH else _run(run) for run in found]


def _run(found: str) -> Run:
    found = found[: MAX_WORD * 2]
    parts = [found] if found.islower() or found.isupper() else _HUMP.split(found)
    words = [part.lower()[:MAX_WORD] for part in parts]
    return Run(words, found.lower()[:MAX_WORD] if len(words) > 1 else "")


_remembered: Final = lru_cache(CACHED)(_run)


def value(text: str) -> str:
    """Give a field's value as it is compared: without case, cut, storable."""
    return storable(text.strip().lower())[:MAX_VALUE]


def type_of(title: str) -> str:
    """Give the exception's type of a title ``Type: message``; '' where the title is a message."""
    match = _TYPE.fullmatch(title)
    return match[1].removesuffix(":") if match else ""


def quoted(lexeme: str) -> str:
    """Quote a lexeme for the text form of tsvector and tsquery."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
