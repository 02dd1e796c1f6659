"""Messages without a stack: joined to a template that the project's loggers use, or by the words that they share."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zlib import crc32

from app.grouping.kinship.features import Features
from app.grouping.kinship.stages import CANDIDATES, RULES, Edge, Row, Stage
from app.grouping.kinship.texts import fits_pattern, reads_as_data, words_of

LETTERS: Final = 8
"""Letters of words that a known template holds."""
ALIGNED: Final = 40
"""Words of a text that are aligned."""
COMMON: Final = 5
"""Words that two texts have in common, and half of the longer one's."""
ROWS: Final = 6
"""Rows of a text: its words of least hash. Two texts that share half their words share one of these (.98)."""


def message_rows(one: Features) -> list[Row]:
    """Return the rows of a message without stack: one for each of ROWS words that no person put in."""
    if one.type or one.rule not in RULES or one.explosion or (one.top and not one.pattern):
        return []
    words = words_of(one.pattern or one.text)[:ALIGNED]
    fixed = {word.lower() for at, word in enumerate(words) if len(word) > 1 and not reads_as_data(word, first=not at)}
    chosen = sorted(fixed, key=lambda word: (crc32(word.encode()), word))[:ROWS]
    return [Row("message", (*one.tokens, "\2", word)) for word in chosen]


def admits_message(before: Sequence[Features], one: Features) -> bool:
    """Admit the first CANDIDATES keys."""
    return len(before) < CANDIDATES and all(one.key != other.key for other in before)


def message_step(row: Row, before: Sequence[Features], one: Features) -> list[Edge]:
    """Join a message to those of its row that are the same but for what was put in."""
    del row
    found = [(other, why) for other in before if other.key != one.key and (why := same_but_data(one, other))]
    return [Edge(one.key, other.key, "message", 1.0, (why,), one.born) for other, why in found]


def same_but_data(one: Features, other: Features) -> str:
    """Return why two messages are the same but for what was put in; '' where they are not."""
    if one.pattern or other.pattern:
        pattern, text = (one.pattern, other) if one.pattern else (other.pattern, one)
        fits = not text.pattern and fits_pattern(pattern, text.text, LETTERS)
        return f"it fits the template “{pattern}” of the project's log" if fits else ""
    shared = aligned(one.text, other.text)
    return f"{shared} words in common, and all others read as data" if shared else ""


@lru_cache(maxsize=4096)
def aligned(one: str, other: str) -> int:
    """Return how many words two texts share in order, where all between them reads as data; else 0.

    Every difference must hold such a word on both sides: ``the printer … out of paper`` and ``the scanner … out of
    order`` are two statements. Quadratic in ALIGNED words, no more; two texts meet in several rows, and are remembered.
    """
    left, right = words_of(one)[:ALIGNED], words_of(other)[:ALIGNED]
    longest = max(sum(word.isalnum() for word in side) for side in (left, right))
    least = max(COMMON, (longest + 1) // 2)
    if len(set(left).intersection(right)) < COMMON or min(len(left), len(right)) < least:
        return 0
    pairs = _pairs(left, right)
    shared = sum(left[at].isalnum() for at, _ in pairs)
    if shared < least:
        return 0
    for (a, b), (c, d) in pairwise([(-1, -1), *pairs, (len(left), len(right))]):
        if (c - a, d - b) != (1, 1) and not (_put_in(left, a + 1, c) and _put_in(right, b + 1, d)):
            return 0
    return shared


def _put_in(words: tuple[str, ...], start: int, end: int) -> bool:
    return any(reads_as_data(words[at], first=at == 0) for at in range(start, end))


def _pairs(left: tuple[str, ...], right: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return the positions of a longest common subsequence; what both begin and end with is part of one."""
    least = min(len(left), len(right))
    head = next((at for at in range(least) if left[at] != right[at]), least)
    tail = next((at for at in range(least - head) if left[-1 - at] != right[-1 - at]), least - head)
    middle = _subsequence(left[head : len(left) - tail], right[head : len(right) - tail])
    return [
        *((at, at) for at in range(head)),
        *((head + a, head + b) for a, b in middle),
        *((len(left) - at, len(right) - at) for at in range(tail, 0, -1)),
    ]


def _subsequence(left: tuple[str, ...], right: tuple[str, ...]) -> list[tuple[int, int]]:
    longest = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for a in range(len(left) - 1, -1, -1):
        here, below = longest[a], longest[a + 1]
        for b in range(len(right) - 1, -1, -1):
            here[b] = below[b + 1] + 1 if left[a] == right[b] else max(below[b], here[b + 1])
    found, a, b = [], 0, 0
    while a < len(left) and b < len(right):
        if left[a] == right[b]:
            found.append((a, b))
            a, b = a + 1, b + 1
        elif longest[a + 1][b] >= longest[a][b + 1]:
            a += 1
        else:
            b += 1
    return found


STAGES: Final = {"message": Stage(admits_message, message_step)}
"""By the name of a row's stage."""
