"""Keys of like stacks: the second stage, for what neither words nor lines join.

The measure is FaST: frames of two stacks are paired by name, each weighs less the further it lies from the raise. It
is linear. Source: Rodrigues et al., "FaST: A linear time stack trace alignment heuristic" (MSR 2022); a = 1, b = 1,
g = .2 as there.
"""

from collections.abc import Sequence
from math import exp
from typing import Final, NamedTuple

from app.grouping.kinship.features import Features
from app.grouping.kinship.runtimes import is_run_time, is_worded_by_run_time, prose
from app.grouping.kinship.stages import CANDIDATES, RULES, Edge, Row, Stage
from app.grouping.kinship.texts import words_of

UPPER: Final = 0.7
"""Likeness of frames from which keys are joined."""
LOWER: Final = 0.5
"""From which a person is asked."""
SHARED: Final = 0.5
"""Part of the words that templates share at least."""
PROSE: Final = 2
"""Words of a text that make it prose."""
OF_ONE_FUNCTION: Final = 8
"""Keys of one function that a row admits: free words of one function leave room for others."""
IDF: Final = "idf1"
"""Version of the frames' weights: all weigh the same. Weights by rarity (IDF over the labelled stacks of defects4j)
changed no decision at any threshold from .3 to .9; pairs of one row were told apart no better (AUC .873, without .870).
"""
DEPTH: Final = 2
"""Frames at class level that both stacks have at least: the class alone is what put both into one row."""

_FAR: Final = 0.2
_NAMED: Final = ("property ", "attribute ", "method ", "variable ", "constant ", "key ", "field ", "column ")


class Likeness(NamedTuple):
    """How alike two keys are."""

    frames: float
    """-1 to 1."""
    words: float
    """0 to 1: part of the words of both templates that is in both."""

    @property
    def score(self) -> float:
        """Return the weaker of both."""
        return max(0.0, min(self.frames, self.words))


def similar_rows(one: Features) -> list[Row]:
    """Return the row of keys of one type and class of the top frame; none where a gate keeps a key out."""
    out = one.rule not in RULES or one.cycle or one.helper or one.read or one.explosion
    if out or not one.in_app or not one.type or not one.owner:
        return []
    return [Row("similar", (one.type, one.owner))]


def admits_function(before: Sequence[Features], one: Features) -> bool:
    """Admit the first CANDIDATES keys, of one function no more than OF_ONE_FUNCTION."""
    if len(before) >= CANDIDATES or any(one.key == other.key for other in before):
        return False
    return sum(one.top == other.top for other in before) < OF_ONE_FUNCTION


def similar_step(row: Row, before: Sequence[Features], one: Features) -> list[Edge]:
    """Join a key to those of its row that are like it, or suggest it."""
    del row
    return [edge for other in before if (edge := compare(one, other)) is not None]


def compare(one: Features, other: Features) -> Edge | None:
    """Return the edge between two keys of one row, None where they are not alike or a gate keeps them apart."""
    if one.key == other.key or _kept_apart(one, other):
        return None
    like = likeness(one, other)
    if like.words < SHARED or like.frames < LOWER:
        return None
    doubts = _doubts(one, other, like)
    why = (f"stacks are alike: {like.frames:.2f}", f"texts share {like.words:.2f} of their words", *doubts)
    return Edge(one.key, other.key, "similar", like.score, why, one.born, sure=not doubts)


def _kept_apart(one: Features, other: Features) -> bool:
    """Tell what is never alike: other identity, or texts of one function that the application words itself."""
    if one.tokens != other.tokens or _names(one.template) != _names(other.template):
        return True
    return one.top == other.top and not is_run_time(one.type)


def _names(template: str) -> tuple[str, ...]:
    """Return what a template quotes, and what stands after a noun of code: names tell bugs apart."""
    quoted = [part for mark in "'\"" for part in template.split(mark)[1::2]]
    nouns = [template.partition(noun)[2].partition(" ")[0] for noun in _NAMED if noun in template]
    return (*quoted, *nouns)


def _doubts(one: Features, other: Features, like: Likeness) -> tuple[str, ...]:
    """Return what leaves the decision to a person."""
    doubts = []
    if like.frames < UPPER:
        doubts.append(f"below {UPPER}: a person decides")
    if min(len(one.frames), len(other.frames)) < DEPTH:
        doubts.append("nothing but the class is known of the stacks: a person decides")
    own = not is_worded_by_run_time(one.type, one.text)
    if one.top != other.top and own and max(prose(one.text), prose(other.text)) >= PROSE:
        doubts.append("two functions may word two errors alike: a person decides")
    return tuple(doubts)


def likeness(one: Features, other: Features) -> Likeness:
    """Return how alike stacks and templates of two keys are."""
    return Likeness(fast(one.frames, other.frames), _agreement(one.template, other.template))


def fast(one: Sequence[str], other: Sequence[str]) -> float:
    """Return the likeness of two stacks of frames, innermost first: -1 (nothing in common) to 1 (equal)."""
    places: dict[str, list[int]] = {}
    for at, frame in enumerate(other):
        places.setdefault(frame, []).append(at)
    total = _weight(len(one)) + _weight(len(other))
    alike = met = 0.0
    used: dict[str, int] = {}
    for at, frame in enumerate(one):
        nth = used.get(frame, 0)
        found = places.get(frame, ())
        if nth < len(found):
            used[frame] = nth + 1
            pair = 1 / (1 + at) + 1 / (1 + found[nth])
            alike += pair * exp(-_FAR * abs(at - found[nth]))
            met += pair
    return (alike - (total - met)) / total if total else 0.0


def _weight(frames: int) -> float:
    return sum(1 / (1 + at) for at in range(frames))


def _agreement(one: str, other: str) -> float:
    if one == other:
        return 1.0
    left, right = set(words_of(one)), set(words_of(other))
    return len(left & right) / len(left | right) if left | right else 1.0


STAGES: Final = {"similar": Stage(admits_function, similar_step)}
"""By the name of a row's stage."""
