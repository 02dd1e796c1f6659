"""One frame as it counts: the first grouping's judgement over mended names, and what this one knows more of."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from app.grouping.g1.frames import APP, LIBRARY, SYSTEM, family_of
from app.grouping.g1.frames import look as first_look
from app.grouping.g1.lists import EXTENSIONS
from app.grouping.g2 import mends
from app.grouping.g2.lists import (
    CHECKERS,
    CHECKING_CLASSES,
    HEADER_PATHS,
    HEADERS,
    MACHINERY,
    MACHINERY_MODULES,
    MACHINERY_NAMES,
)

_GO_PANICS: Final = ("panic", "panicmem", "panicindex", "panicdivide", "throw", "fatalthrow", "panicwrap")
_FIRST_WORD: Final = re.compile(r"_*([A-Za-z][a-z0-9]*)")
_REMEMBERED: Final = 512
"""Characters of a frame whose look is remembered."""
_LONGEST: Final = 1200
"""Characters of each field that are looked at: the first grouping looks at no more."""


class Look(NamedTuple):
    """What one frame is to grouping."""

    tier: int
    where: str
    """What counts: normalised place and function; '' where nothing tells."""
    place: str
    named: bool
    """False for anonymous, minified, obfuscated functions and those without symbol."""
    helper: bool
    """It throws, or checks and throws, for its caller."""
    folded: bool
    """A comprehension: part of its caller where that is in the same place."""
    why: str
    machinery: bool
    """It carries an error: raise, abort, unwind."""
    family: str


def look(
    family: str, function: str, module: str, file: str, path: str, package: str, symbol: str, in_app: bool | None
) -> Look:
    """Judge one frame by what the client sent of it."""
    size = len(function) + len(module) + len(file) + len(path) + len(package) + len(symbol)
    judge = _remembered if size <= _REMEMBERED else _look
    return judge(family, function, module, file, path, package, symbol, in_app)


def _look(
    family: str, function: str, module: str, file: str, path: str, package: str, symbol: str, in_app: bool | None
) -> Look:
    own = family or EXTENSIONS.get((file or path).rpartition(".")[2].lower(), "")
    function, module = function[:_LONGEST], module[:_LONGEST]
    file, path = file[:_LONGEST], path[:_LONGEST]
    if rule := mends.RULES.get(own):
        module, function = rule(module, function)
        symbol = rule("", symbol[:_LONGEST])[1] if symbol else ""
    mended = mends.path(file)
    whole = mends.path(path) if path != file else mended
    found = first_look(family, function, module, mended, whole, package, symbol, in_app)
    tier, why = found.tier, found.why
    if own == "native" and tier == APP and _of_header(found.where, file, path):
        tier, why = LIBRARY, "a library of headers, compiled into the application"
    helper = found.helper or _checks(found.where, found.place)
    return Look(
        tier,
        found.where,
        found.place,
        found.named,
        helper,
        found.folded,
        why,
        _machinery(own, found.where, module),
        own,
    )


_remembered: Final = lru_cache(8192)(_look)


def _of_header(where: str, file: str, path: str) -> bool:
    if where.lower().startswith(HEADERS):
        return True
    text = f"/{path or file}".lower().replace("\\", "/")
    return any(part in text for part in HEADER_PATHS)


def _checks(where: str, place: str) -> bool:
    name = where[max(where.rfind(" "), where.rfind("."), where.rfind(":")) + 1 :]
    if (found := _FIRST_WORD.match(name)) and found[1].lower() in CHECKERS:
        return True
    owner = place or where.rpartition("::")[0]
    return owner[max(owner.rfind("."), owner.rfind(":"), owner.rfind("\\")) + 1 :].lower() in CHECKING_CLASSES


def _machinery(family: str, where: str, module: str) -> bool:
    if family in ("native", ""):
        name = where.lower()
        return name in MACHINERY_NAMES or name.startswith(MACHINERY)
    if family == "go":
        return module == "runtime" and where.lower().endswith(_GO_PANICS)
    return module.startswith(MACHINERY_MODULES.get(family, ()))


__all__ = ["APP", "LIBRARY", "SYSTEM", "Look", "family_of", "look"]
