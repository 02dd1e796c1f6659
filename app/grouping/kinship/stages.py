"""The form that all stages have: which rows a sight goes into, and what the sights of one row join.

A row holds the sights that one stage compares with each other, in the order of birth. A stage has two pure functions:
``admits`` says which sights later ones are compared with, ``step`` which edges a sight brings to those that were born
before it. So what a row joins is the sum of its steps: it follows from the set of sights alone, in whatever order they
came, and a sight that was born after all others takes no edge away.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from json import dumps
from typing import Final, NamedTuple

from app.grouping.kinship.features import Birth, Features

CANDIDATES: Final = 64
"""Sights (of lines: buckets) of one row that are compared: those born first, so that no later one displaces them."""
RULES: Final = frozenset(("default", "statement", "helper"))
"""By which rules a key is made that may be joined: others say for themselves what belongs together."""


class Edge(NamedTuple):
    """Two nodes that belong together, why, and since when. A node is a key, or what several keys have in common."""

    a: str
    b: str
    stage: str
    score: float
    """0 to 1: of likeness a measure, of evidence 1."""
    why: tuple[str, ...]
    """For people, one reason each."""
    born: Birth
    """Of the sight that brought it."""
    sure: bool = True
    """False for a suggestion: it joins nothing until a person says so."""


def node(kind: str, parts: Sequence[str]) -> str:
    """Return the name of what keys have in common: ``kind:`` and 32 hex digits; no two lists of parts give one name."""
    return f"{kind}:{blake2b(dumps(parts).encode(), digest_size=16).hexdigest()}"


class Row(NamedTuple):
    """One row: its stage, and what all sights in it have equal."""

    stage: str
    parts: tuple[str, ...]


class Refused(NamedTuple):
    """Why a sight is left out of a stage: the guard's name, and what it prevents."""

    guard: str
    reason: str


class Stage(NamedTuple):
    """How the sights of one row are compared."""

    admits: Callable[[Sequence[Features], Features], bool]
    """(admitted before, sight) -> whether later sights are compared with it: that is what bounds a row."""
    step: Callable[[Row, Sequence[Features], Features], list[Edge]]
    """(row, admitted before, sight) -> the edges that the sight brings."""
    open: bool = False
    """Whether sights that were not admitted take their step too."""


def admits_none(before: Sequence[Features], one: Features) -> bool:
    """Admit nothing: what a row joins is told by the sight alone."""
    del before, one
    return False
