"""Names and paths as the rules of g1 should have seen them: what compilers number and machines name goes before."""

import re
from typing import Final

from app.grouping.g1.files import place as short_place

_SCALA: Final = re.compile(r"(?:.*\$)?\$?anonfun\$([\w$]+?)\$\d+(?:\$adapted)?(?:\$\$anonfun.*)?\Z")
_SCALA_CLASS: Final = re.compile(r"\$\$anonfun\$([\w$]+?)\$\d+.*\Z")
_GROOVY: Final = re.compile(r"\$_(\w+?)_closure\d+(?:\$_closure\d+|_closure\d+)*\Z")
_KOTLIN_MODULE: Final = re.compile(r"(?<=\w)\$\w*(?:[Dd]ebug|[Rr]elease|_main)\Z")
_KOTLIN_VALUE: Final = re.compile(r"(?<=\w)-(?:impl|[A-Za-z0-9_-]{7})(?=\Z|\$)")
_COMPOSE: Final = re.compile(r"\blambda-\d+")
_PHP_CLOSURE: Final = re.compile(r"\{closure:([^{}]{1,300}):\d+\}")
_RUST_NUMBERED: Final = re.compile(
    r"\{(closure|async_fn|async_block|async_closure|impl|shim|constant|inline_const)(?::\w+)?#\d+\}"
)
_RUST_CRATE: Final = re.compile(r"(?<=\w)\[[0-9a-f]{6,17}\](?=::|>|\Z)")
_MINIFIED: Final = re.compile(r"\bminified:[A-Za-z0-9_$]{1,6}\b")
_BLOB: Final = re.compile(r"(?:blob:|view-source:|jar:|nested:|filesystem:)+(?=[a-z][\w+.-]*:/|/)")
_WRAPPED: Final = ("blob:", "view-source:", "jar:", "nested:", "filesystem:")
_ROOTS: Final = (
    "/home/", "/Home/", "/users/", "/Users/", "/export/", "/root/", "/private/", "/var/", "/tmp/", "/temp/", "/dev/",  # noqa: S108  a prefix to be compared with
    "/run/", "/data/",
)  # fmt: skip
"""How a path may begin that ``_ROOT`` matches."""
_ROOT: Final = re.compile(
    r"(?i)(?:file:/{2,3})?(?:[a-z]:)?/(?:"
    r"(?:home|users|export/home)/[^/]+|root|documents and settings/[^/]+"
    r"|(?:private/)?var/folders/[^/]+/[^/]+(?:/[a-z])?|(?:private/)?(?:var/)?tmp|temp|windows/temp|dev/shm|run/user/\d+"
    r"|(?:private/)?var/(?:mobile/)?containers/(?:bundle/application|data/application)/[^/]+"
    r"|data/(?:user/\d+|data)|data/app/(?:~~[^/]+/)?"
    r")/"
)
_TEMPORARY: Final = re.compile(r"(?i)appdata/(?:local|roaming|locallow)/(?:temp/)?|library/caches/|\.cache/")
_RANDOM: Final = re.compile(
    r"(?:tmp|temp|pip-|npx-|_mei|rtmp|pymp-|go-build|cargo-install|phantomjs)[\w.-]*/|[\w-]*\d[\w-]*/"
)
_ID: Final = re.compile(
    r"(?i)(?:\d{1,20}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=[a-f]*\d)[0-9a-f]{7,64}|(?=[a-z_-]*\d)[\w-]{20,40})\Z"
)
IDENTIFIER: Final = "<id>"


def java(module: str, function: str) -> tuple[str, str]:
    """Fold closures of Scala, Groovy, Kotlin and Compose into the function that they were written in."""
    if "anonfun" in function and (found := _SCALA.match(function)):
        function = found[1]
    if "$$anonfun" in module and (found := _SCALA_CLASS.search(module)):
        module, function = module[: found.start()], found[1]
    if "_closure" in module and (found := _GROOVY.search(module)):
        module, function = module[: found.start()], found[1]
    if "lambda-" in module or "lambda-" in function:
        module, function = _COMPOSE.sub("lambda-N", module), _COMPOSE.sub("lambda-N", function)
    elif "-" in function:
        function = _KOTLIN_VALUE.sub("", function)
    if "$" in function:
        function = _KOTLIN_MODULE.sub("", function)
    return module, function


def php(module: str, function: str) -> tuple[str, str]:
    """Name a closure of PHP 8.4 by its file, without the folder that it was deployed to."""
    return module, _PHP_CLOSURE.sub(_closure, function) if "{closure:" in function else function


def _closure(found: re.Match[str]) -> str:
    where = found[1]
    return f"{{closure:{place(where)}}}" if "/" in where or where[1:2] == ":" else f"{{closure:{where}}}"


def native(module: str, function: str) -> tuple[str, str]:
    """Drop the numbers and hashes of Rust's v0 names."""
    if "#" in function:
        function = _RUST_NUMBERED.sub(r"{{\1}}", function).replace("{{impl}}", "{impl}")
    return module, _RUST_CRATE.sub("", function) if "[" in function else function


def js(module: str, function: str) -> tuple[str, str]:
    """Drop the names that dart2js made up."""
    return module, minified(function)


def minified(text: str) -> str:
    """Return a text without the names that dart2js made up."""
    return _MINIFIED.sub("minified", text) if "minified:" in text else text


RULES: Final = {"java": java, "php": php, "native": native, "js": js}


def path(text: str) -> str:
    """Return a path or address as everyone has it.

    Without wrapped schemes, without the root that names a user or a temporary folder, with a place holder for an id
    that is all of its last part.
    """
    if not text:
        return text
    if text.startswith(_WRAPPED):
        text = _BLOB.sub("", text, count=1)
    if text[0] != "/" or text.startswith(_ROOTS):
        slashed = text.replace("\\", "/") if "\\" in text else text
        if found := _ROOT.match(slashed):
            return _rooted(slashed[found.end() :])
    last = text[text.rfind("/") + 1 :]
    if "." in last and "?" not in last and "#" not in last:
        return text
    bare = text.partition("?")[0].partition("#")[0].rstrip("/")
    head, slash, last = bare.rpartition("/")
    return f"{head}/{IDENTIFIER}" if slash and last and _ID.match(last) else text


def _rooted(rest: str) -> str:
    rest = _TEMPORARY.sub("", rest, count=1) if _TEMPORARY.match(rest) else rest
    for _ in range(2):
        if random := _RANDOM.match(rest):
            rest = rest[random.end() :]
    return f"~/{rest}"


def place(text: str) -> str:
    """Return the last folder and the file of a path or address, as they count."""
    return short_place(path(text))
