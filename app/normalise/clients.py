"""What differs between Raygun's clients: platform, order of frames, which field names what. Source: WIRE.md 1 and 7."""

import re
from typing import Final

from app.model import Frame
from app.normalise.fields import line, plain
from app.normalise.raygun_shape import RaygunFrame
from app.normalise.text import FUNCTION, PATH, SOURCE, Notes

_PLATFORMS: Final = (
    ("raygun4py", "python"), ("python", "python"), ("node", "node"), ("react", "javascript"), ("js", "javascript"),
    ("android", "java"), ("java", "java"), ("kotlin", "java"), ("raygun4net", "csharp"), (".net", "csharp"),
    ("maui", "csharp"), ("xamarin", "csharp"), ("unity", "csharp"), ("4go", "go"), ("ruby", "ruby"), ("php", "php"),
    ("cocoa", "cocoa"), ("apple", "cocoa"), ("ios", "cocoa"), ("flutter", "dart"), ("dart", "dart"),
    ("cpp", "native"), ("coldfusion", "cfml"), ("cfml", "cfml"),
)  # fmt: skip
"""The first part that the client's name holds decides."""

_NO_CLASS: Final = frozenset(("unknown", "(unknown)", "object", "none", "null", "<unknown>"))
_CLASSLESS: Final = frozenset(("javascript", "node"))
_JS_CLASS: Final = re.compile(r"line \d+, column \d+")
_DOTTED: Final = re.compile(r"[\w$]+(?:\.[\w$]+)+")
_SOURCE_LINE: Final = re.compile(r"[\s(=]")
LOGGER: Final = re.compile(r"Logger \((.{0,200})\)")
"""raygun4py's class name of a log record without exception."""


def platform_of(client: str, frames: list[RaygunFrame]) -> str:
    """Give Sentry's name of the platform, from the client's name, else from the look of the frames."""
    name = client.lower()
    for part, platform in _PLATFORMS:
        if part in name:
            return platform
    return "python" if not name and _looks_like_python(frames) else "other"


def _looks_like_python(frames: list[RaygunFrame]) -> bool:
    """Frames as only raygun4py makes them: a .py file, and a source line where others put the method."""
    return any(
        (frame.file_name or "").endswith(".py") and _SOURCE_LINE.search(frame.method_name or "") for frame in frames
    )


def frame_of(raw: RaygunFrame, platform: str, notes: Notes) -> Frame:
    """Give one frame; Go's argument addresses stay in the function, for grouping to judge."""
    path = raw.file_name or ""
    if len(path) > PATH:
        path = notes.cut(path, PATH, "fileName")
    function, module, source = _names(raw.class_name or "", raw.method_name or "", platform)
    if len(function) + len(module) > FUNCTION:
        function, module = notes.cut(function, FUNCTION, "methodName"), notes.cut(module, FUNCTION, "className")
    absolute = path if path.startswith("/") or "://" in path else ""
    where, column = _line(raw.line_number), _line(raw.column_number)
    return Frame(function, module, path, absolute, where, column, source=source)


def _names(name: str, method: str, platform: str) -> tuple[str, str, str]:
    """Give (function, module, source line): raygun4py puts the function where others put the class."""
    if platform == "python":
        return (method, "", "") if LOGGER.fullmatch(name) else (name, "", method.rstrip()[:SOURCE])
    if platform in _CLASSLESS or name.lower() in _NO_CLASS or _JS_CLASS.fullmatch(name):
        return method, "", ""
    return method, name, ""


def split_type(name: str, platform: str) -> tuple[str, str]:
    """Give (type, module): Java and .NET name an error by its whole path."""
    if platform in ("java", "csharp") and _DOTTED.fullmatch(name):
        module, _, kind = name.rpartition(".")
        return kind, module
    return name, ""


def without_type(message: str, name: str) -> str:
    """Take the ``Type: `` off a message that begins by its own type's name, in full or without its path."""
    for prefix in (name, name.rpartition(".")[2]):
        if prefix and message.startswith(prefix + ": "):
            return message[len(prefix) + 2 :]
    return message


def _line(value: object) -> int | None:
    if value is None or type(value) is int:
        return line(value)
    if isinstance(value, str) and len(value) < 10 and value.isascii() and value.isdigit():  # noqa: PLR2004  below 2^31
        return int(value)
    return line(int(value)) if isinstance(value, float) and value.is_integer() else None


def address_of(url: str | None, host: str | None) -> str:
    """Give the request's address; the host before a bare path."""
    text = url or ""
    return plain(f"{host}{text}" if host and text.startswith("/") else text, PATH)
