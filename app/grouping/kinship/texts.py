"""Texts as words: what several of them have in common, and whether another one has it too. All linear."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

WORDS: Final = 80
"""Words of a text that are looked at; of a longer one the first and the last half."""

_WORD: Final = re.compile(r"\w+|[^\w\s]")
_HOLE: Final = re.compile(r"%(?:\(\w{1,40}\))?[-#0 +]{0,4}[\d.*]{0,8}[a-zA-Z]|\{[^{}]{0,40}\}|<>")


class Shape(NamedTuple):
    """What several texts have in common: their first words, their last words, and words anywhere."""

    start: tuple[str, ...]
    end: tuple[str, ...]
    words: frozenset[str]

    @property
    def letters(self) -> int:
        """Count the letters of beginning and end."""
        return letters(self.start) + letters(self.end)

    @property
    def between(self) -> frozenset[str]:
        """Return the words that stand neither in the beginning nor in the end."""
        return self.words.difference(self.start, self.end)


@lru_cache(maxsize=4096)
def words_of(text: str) -> tuple[str, ...]:
    """Return the words and marks of a text."""
    found = _WORD.findall(text)
    half = WORDS // 2
    return tuple(found if len(found) <= WORDS else found[:half] + found[-half:])


def letters(words: Sequence[str]) -> int:
    """Count the letters of words that are words: two letters or more, no digit."""
    return sum(len(word) for word in words if len(word) > 1 and word.isalpha())


@lru_cache(maxsize=4096)
def shape_of(texts: tuple[str, ...]) -> Shape:
    """Return what one text or more have in common; the order of the texts does not matter."""
    split = [words_of(text) for text in texts]
    start = _common(split)
    room = min(map(len, split)) - len(start)
    end = _common([words[::-1] for words in split])[:room][::-1]
    shared = frozenset.intersection(*map(frozenset, split))
    return Shape(start, end, frozenset(word for word in shared if len(word) > 1 and word.isalpha()))


def _common(split: list[tuple[str, ...]]) -> tuple[str, ...]:
    first, last = min(split), max(split)  # what the least and the greatest begin with, all begin with
    differs = (at for at, (one, two) in enumerate(zip(first, last, strict=False)) if one != two)
    return first[: next(differs, len(first))]


def has_shape(shape: Shape, text: str) -> bool:
    """Tell whether a text begins, ends and holds words as others do."""
    words = words_of(text)
    if len(words) < len(shape.start) + len(shape.end):
        return False
    tail = words[len(words) - len(shape.end) :]
    return words[: len(shape.start)] == shape.start and tail == shape.end and shape.words.issubset(words)


def fits_pattern(pattern: str, text: str, least: int) -> bool:
    """Tell whether a text is a pattern with its holes filled, where the pattern has ``least`` letters of words.

    The first constant stands at the beginning, the last one at the end, the others between them, leftmost first: that
    is complete for such patterns, and linear.
    """
    constants = _constants(pattern)
    if letters(words_of(" ".join(constants))) < least or len(constants) == 1:
        return False
    first, *between, last = constants
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for constant in between:
        found = text.find(constant, at, end)
        if found < 0:
            return False
        at = found + len(constant)
    return True


@lru_cache(maxsize=1024)
def _constants(pattern: str) -> tuple[str, ...]:
    return tuple(part.replace("%%", "%") for part in _HOLE.split(pattern))


def reads_as_data(word: str, *, first: bool) -> bool:
    """Tell a word that a person or a program put in: a digit, no ASCII, a capital that begins no sentence."""
    return not word.isascii() or any(letter.isdigit() for letter in word) or (word[0].isupper() and not first)
