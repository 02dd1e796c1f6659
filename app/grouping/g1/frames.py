"""One frame as it counts: whose it is (application, library, system), where it is, and why."""

from functools import lru_cache
from typing import Final, NamedTuple

from app.grouping.g1.files import base, place
from app.grouping.g1.lists import (
    EXTENSIONS,
    FAMILIES,
    LIBRARY_MODULES,
    LIBRARY_PARTS,
    NO_NAMES,
    PLACEHOLDERS,
    SYSTEM_FUNCTIONS,
    SYSTEM_MODULES,
    SYSTEM_NAMES,
    SYSTEM_PARTS,
    SYSTEM_PATHS,
    THROW_WORDS,
    VIRTUAL_PATHS,
)
from app.grouping.g1.names import RULES, is_comprehension, main_module

SYSTEM, LIBRARY, APP = 0, 1, 2
"""Whose a frame is; only the highest that a stack holds counts."""
_NAME, _PATH = 600, 1200
"""Characters that are looked at."""
_REMEMBERED: Final = 512
"""Characters of a frame whose look is remembered: the memory of 8192 of them has a bound, whatever clients send."""
_MINIFIED: Final = 2
"""Characters that a minified name has at most."""


_SAID: Final = "the client says it is the application's"
_DENIED: Final = "the client says it is not the application's"
_BELIEVED: Final = ("java", "dotnet", "go")
_JS_BUILT_IN: Final = ("__webpack_require__", "Array.", "Promise.", "Function.prototype")


class Look(NamedTuple):
    """What one frame is to grouping."""

    tier: int
    where: str
    """What counts: normalised place and function; '' where nothing tells."""
    place: str
    named: bool
    """False for anonymous, minified, obfuscated functions and those without symbol."""
    helper: bool
    """It throws for its caller."""
    folded: bool
    """A comprehension: part of its caller where that is in the same place."""
    why: str


def family_of(platform: str) -> str:
    """Give the family of rules of a platform, '' where the frame's file decides."""
    return FAMILIES.get(platform, "")


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
    family = family or EXTENSIONS.get((file or path).rpartition(".")[2].lower(), "")
    name = (function or (symbol if family == "native" else ""))[:_NAME]
    module, file, path, package = module[:_NAME], file[:_PATH], path[:_PATH], package[:_PATH]
    paths = (path or file or package, file) if path and file and not path.endswith(file) else (path or file or package,)
    tier, why = _tier(family, name, module, "\n".join(paths).lower().replace("\\", "/"), package, in_app)
    rule = RULES.get(family)
    clean_module, clean = rule(module, name) if rule and (name or module) else (module, name)
    anonymous = _nameless(name) or _nameless(clean)
    clean = "" if anonymous else clean
    spot = _spot(family, clean_module, clean, file, path, package)
    if family == "js" and tier == APP and not spot:
        tier, why = SYSTEM, "no file of the application"
    made_up = _unclear(family, clean_module, clean)
    unclear = anonymous or made_up
    if made_up and family == "java":
        spot = ""  # the class is renamed with its methods
    where = spot if unclear else f"{spot} {clean}".strip()
    return Look(tier, where, spot, not unclear, _throws(clean), is_comprehension(function), why or _WHYS[tier])


_remembered: Final = lru_cache(8192)(_look)

_WHYS: Final = {
    SYSTEM: "part of the run time or the standard library",
    LIBRARY: "part of a library",
    APP: "part of the application",
}


def _nameless(name: str) -> bool:
    lower = name.lower()
    return lower in NO_NAMES or lower.lstrip("<([_").startswith(PLACEHOLDERS)


def _tier(family: str, name: str, module: str, path: str, package: str, in_app: bool | None) -> tuple[int, str]:
    if _system(family, name, module, path, own=in_app is True):
        return SYSTEM, ""
    if in_app is not None:
        return (APP, _SAID) if in_app else (LIBRARY, _DENIED)
    prefixes = LIBRARY_MODULES.get(family, ())
    library = (bool(prefixes) and module.startswith(prefixes)) or any(part in path for part in LIBRARY_PARTS)
    return (LIBRARY if library or package.lower().startswith(SYSTEM_PATHS) else APP), ""


def _system(family: str, name: str, module: str, path: str, *, own: bool) -> bool:
    if module and not (own and family in _BELIEVED) and _of_run_time(family, module):
        return True
    if path.startswith(VIRTUAL_PATHS if own else SYSTEM_PATHS) and "site-packages" not in path:
        return True
    if family == "native" or (not family and not module):
        lower = name.lower()
        known = lower in SYSTEM_NAMES or lower.startswith(SYSTEM_FUNCTIONS)
        return known or (not own and any(part in path for part in SYSTEM_PARTS))
    return family == "js" and name.startswith(_JS_BUILT_IN)


def _of_run_time(family: str, module: str) -> bool:
    """Tell modules of the run time; names without a dot or slash at their end are whole modules."""
    prefixes = SYSTEM_MODULES.get(family, ())
    if not prefixes or not module.startswith(prefixes):
        return False
    rests = (module.removeprefix(prefix) for prefix in prefixes if module.startswith(prefix))
    return any(prefix[-1] in ".:/" for prefix in prefixes if module.startswith(prefix)) or any(
        not rest or rest[0] in "./" for rest in rests
    )


def _spot(family: str, module: str, function: str, file: str, path: str, package: str) -> str:
    """Give the place of a function: its module, else its file; native names carry their own."""
    if family == "native":
        return "" if function else base(package or file or path)
    if family == "php":
        return "" if ("::" in function or "\\" in function) and "@anonymous" not in function else place(file or path)
    if family in ("js", "ruby"):
        return place(path or file) or module
    if family == "python":
        return main_module(module, file or path) if module else place(file or path)
    return module or place(file or path) or base(package)


def _unclear(family: str, module: str, function: str) -> bool:
    """Tell names that a build made up: two frames that share them share nothing."""
    if family == "js":
        return len(function) <= _MINIFIED
    if family == "java" and len(function) <= _MINIFIED and module:
        return len(module.rpartition(".")[2].rpartition("$")[2]) <= _MINIFIED
    return False


def _throws(function: str) -> bool:
    name = function.rpartition(".")[2].rpartition(":")[2].lstrip("_")
    end = next((at for at, letter in enumerate(name) if letter == "_" or (letter.isupper() and at)), len(name))
    return name[:end].lower() in THROW_WORDS
