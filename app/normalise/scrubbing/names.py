"""Decides whether a name (of a key, a header, a variable) marks its value as a secret."""

import re
from functools import lru_cache
from typing import Final

from app.normalise.scrubbing import rules_v1 as rules
from app.normalise.scrubbing.linear import search

_secret_part: Final = search("(?i)" + "|".join(rules.NAMES))
_HARMLESS: Final = re.compile("|".join(rules.HARMLESS).encode(), re.IGNORECASE)
_WORDS: Final = re.compile(rb"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LONGEST: Final = 1024
_REMEMBERED_LENGTH: Final = 128


def is_secret(name: bytes) -> bool:
    """Return whether the value under this name (UTF-8, unescaped) is a secret; linear in its length."""
    return _remembered(name) if len(name) <= _REMEMBERED_LENGTH else _judge(name)


def _judge(name: bytes) -> bool:
    if name.decode("utf-8", "replace") in rules.NEVER:
        return False
    if len(name) > _LONGEST:
        return _secret_part(name, 0) is not None
    words = words_of(name)
    if words and words[-1] in rules.TYPES:
        return False
    bare = _HARMLESS.sub(b"", name)
    return _secret_part(bare, 0) is not None or not rules.WORDS.isdisjoint(words)


_remembered: Final = lru_cache(4096)(_judge)


def counts(name: bytes) -> bool:
    """Return whether a number under this name is a count or a measure, and so no secret."""
    words = words_of(name[-_LONGEST:])
    return bool(words) and words[-1] in rules.COUNTING


def words_of(name: bytes) -> list[str]:
    """Return a name's words in lower case: ``sessionToken`` and ``session-token`` are both session, token."""
    return [word.decode().lower() for word in _WORDS.findall(name)]
