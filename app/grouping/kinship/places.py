"""One statement, reported by two SDKs: they name its place differently, or only one of them sends source lines.

sentry-sdk sends the module ``app.demo.storefront``, raygun4py the file ``/srv/app/demo/storefront.py``. The place of
one is then the end of the place of the other, component by component. @sentry/node sends source lines, so the literal
of the statement is read; the Node SDK of Raygun sends none, and the literal must make its text.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from app.grouping.g1.lists import EXTENSIONS
from app.grouping.kinship.features import Features
from app.grouping.kinship.runtimes import is_worded_by_run_time
from app.grouping.kinship.stages import CANDIDATES, RULES, Edge, Row, Stage
from app.grouping.kinship.texts import fits_pattern

LETTERS: Final = 8
"""Letters of words that a literal holds which tells a text of another key."""
UNREAD: Final = CANDIDATES // 2
"""Keys without a literal that a row admits: free words leave room for the statements that were read."""
BY_FILE: Final = frozenset(("python", "js", "ruby", "perl", "php"))
"""Families whose SDKs name a place by its module or by its file. All others name it by a qualified name: two of them
of which one is the end of the other are two places."""

_PACKAGE: Final = ("__init__",)
"""Files that stand for their folder."""


def place_rows(one: Features) -> list[Row]:
    """Return the row of keys of one type, file stem, function and identity; none where a gate keeps a key out."""
    out = one.rule not in RULES or one.cycle or one.helper or one.library or one.explosion
    place, _, function = one.top.rpartition(" ")
    if out or not one.in_app or not one.type or not place or not function:
        return []
    parts = components(place, one.family)
    return [Row("place", (one.family, one.type, parts[-1], function, "\2", *one.tokens))] if parts else []


@lru_cache(maxsize=4096)
def components(place: str, family: str) -> tuple[str, ...]:
    """Return the components of a module or path, without the ending of the file: the last one is the file's stem."""
    if family not in BY_FILE:
        return (place,)
    head, dot, ending = place.rpartition(".")
    stem = head if dot and ("/" in place or EXTENSIONS.get(ending.lower()) == family) else place
    parts = tuple(part for part in stem.split("/" if "/" in stem else ".") if part)
    return parts[:-1] if parts[-1:] == _PACKAGE else parts


def admits_place(before: Sequence[Features], one: Features) -> bool:
    """Admit the first CANDIDATES keys, of those without a literal no more than UNREAD."""
    if len(before) >= CANDIDATES or any(one.key == other.key for other in before):
        return False
    return one.read or sum(not other.read for other in before) < UNREAD


def place_step(row: Row, before: Sequence[Features], one: Features) -> list[Edge]:
    """Join a key to those of its row that are one statement at one place."""
    del row
    sights = (*before, one)
    return [
        Edge(one.key, other.key, "place", 1.0, (where, said), one.born)
        for other in before
        if other.key != one.key
        and (said := one_statement(one, other))
        and (where := one_place(one, other))
        and not _contested(one, other, sights)
    ]


def one_statement(one: Features, other: Features) -> str:
    """Return why two keys of one function are one statement; '' where they are not.

    A literal is compared with a text only where no line of one build says otherwise: two statements of one function may
    begin and end alike.
    """
    if one.read and other.read:
        return f"both statements say “{one.template}”" if one.template == other.template else ""
    if one.read or other.read:
        read, text = (one, other) if one.read else (other, one)
        fits = not text.silent and _lines_agree(one, other) and fits_pattern(read.template, text.text, LETTERS)
        return f"the statement “{read.template}” makes its text" if fits else ""
    run_time = all(side.silent or is_worded_by_run_time(side.type, side.text) for side in (one, other))
    return f"the run time says “{one.template}” of both" if run_time and one.template == other.template else ""


def _lines_agree(one: Features, other: Features) -> bool:
    known = one.build == other.build and one.raised.line and other.raised.line
    return not known or one.raised.line == other.raised.line


def one_place(one: Features, other: Features) -> str:
    """Return why the places of two keys are one; '' where they are not.

    Of different names the shorter is the end of the longer. A file's stem alone (``storefront``, of a script or of a
    folder on the path) may be any such file: it is joined only where both raised at one line of one release.
    """
    mine, others = _place_of(one), _place_of(other)
    if mine == others:
        return f"both raised in {one.top}"
    if not _is_end(mine, others):
        return ""
    same_line = bool(one.release) and one.build == other.build and one.raised.line == other.raised.line != ""
    if min(len(mine), len(others)) == 1 and not same_line:
        return ""
    return f"{one.top} and {other.top} name one place"


def _place_of(one: Features) -> tuple[str, ...]:
    return components(one.top.rpartition(" ")[0], one.family)


def _is_end(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Tell whether one of two places of different depth is the end of the other."""
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) < len(longer) and longer[-len(shorter) :] == shorter


def _contested(one: Features, other: Features, sights: Iterable[Features]) -> bool:
    """Tell whether the shorter place may be a third one too: ``api/views.py`` of ``shop.api.views``, ``lab.api.views``.

    An edge that was brought before the third place came stays: no later sight takes an edge away.
    """
    shorter, longer = sorted((_place_of(one), _place_of(other)), key=len)
    if shorter == longer:
        return False
    rivals = (_place_of(sight) for sight in sights)
    return any(
        rival not in (shorter, longer) and _is_end(rival, shorter) and not _is_end(rival, longer)
        for rival in rivals
        if len(rival) > len(shorter)
    )


STAGES: Final = {"place": Stage(admits_place, place_step, open=True)}
"""By the name of a row's stage."""
