"""Cuts text into words, in the same way for documents and for queries. Pure.

Text is cut at everything that is no letter or digit, and at the humps of camelCase, so that parts of dotted names, of
identifiers and of paths are found. An identifier with humps is also a word as a whole. Case and the composition of
letters in Unicode are ignored; ideographs, kana, Hangul syllables and symbols (emoji, arrows, signs of currencies) are
words of one character. A word has 64 characters at most; the rest is cut off. Other signs are no part of any word.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

MAX_WORD: Final = 64
MAX_VALUE: Final = 200
"""Characters of a field's value that are compared. PostgreSQL takes lexemes up to 2046 bytes: a name and a value of 200
characters, of 4 bytes each, fit."""

CACHED: Final = 20_000
"""Runs whose words are cached, some 8 MB: events name the same modules, functions and files over and over."""

CACHED_LENGTH: Final = 32
"""Characters of a run that is cached: longer ones seldom come again, and a cache of them has no bound in bytes."""

CACHED_TEXTS: Final = 20_000
"""Whole texts whose runs are cached, some 20 MB: functions, files and values of tags come again as they are."""

_ALONE: Final = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_SYMBOLS: Final = (
    r"\u00a2-\u00a7\u00a9\u00ae\u00b0\u00b1\u20a0-\u20cf\u2190-\u23ff\u2500-\u2775\u2794-\u27bf\u2900-\u2bff"
    r"\U0001f000-\U0001f0ff\U0001f18e-\U0001fbef"
)
_RUN: Final = re.compile(rf"[{_ALONE}{_SYMBOLS}]|[^\W_{_ALONE}]+")
_ASCII_RUN: Final = re.compile(r"[A-Za-z0-9]+")
"""The same for text of ASCII alone, as nearly all is: a third faster than the classes of Unicode."""

_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_TYPE: Final = re.compile(r"(\S+?)(?:: .*)?", re.DOTALL)


class Run(NamedTuple):
    """Letters and digits without a break: its words in order, and the whole where it has several ("" else)."""

    parts: list[str]
    whole: str


def storable(text: str) -> str:
    """Return the text with U+FFFD in place of nulls and lone surrogates, which PostgreSQL's text cannot hold."""
    return text if text.isascii() and "\0" not in text else _UNSTORABLE.sub("\ufffd", text)


def runs(text: str) -> list[Run]:
    """Cut text into runs and those into words."""
    return list(_cached_runs(text)) if len(text) <= CACHED_LENGTH else _runs(text)


def _runs(text: str) -> list[Run]:
    texts = _ASCII_RUN.findall(text) if text.isascii() else _RUN.findall(unicodedata.normalize("NFKC", text))
    return [_cached_run(run) if len(run) <= CACHED_LENGTH else _run(run) for run in texts]


def _run(text: str) -> Run:
    text = text[: MAX_WORD * 2]
    parts = [text] if text.islower() or text.isupper() else _HUMP.split(text)
    words = [part.lower()[:MAX_WORD] for part in parts]
    return Run(words, text.lower()[:MAX_WORD] if len(words) > 1 else "")


_cached_run: Final = lru_cache(CACHED)(_run)
_cached_runs: Final = lru_cache(CACHED_TEXTS)(_runs)


def value(text: str) -> str:
    """Return a field's value as it is compared: in lower case, cut to ``MAX_VALUE``, storable."""
    return storable(text.strip().lower())[:MAX_VALUE]


def type_of(title: str) -> str:
    """Return the exception's type of a title ``Type: message``; "" where the title is a message."""
    match = _TYPE.fullmatch(title)
    return match[1].removesuffix(":") if match else ""


def quoted(lexeme: str) -> str:
    """Quote a lexeme for the text form of tsvector and tsquery."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
