"""The differences between Raygun's clients: platform, order of frames, meaning of fields.

Source: WIRE.md, "Raygun crashes", "Raygun clients".
"""

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
"""(part of the client's name, platform): the first part that the name contains decides."""

_NO_CLASS: Final = frozenset(("unknown", "(unknown)", "object", "none", "null", "<unknown>"))
_CLASSLESS: Final = frozenset(("javascript", "node"))
_JS_CLASS: Final = re.compile(r"line \d+, column \d+")
_DOTTED: Final = re.compile(r"[\w$]+(?:\.[\w$]+)+")
_SOURCE_LINE: Final = re.compile(r"[\s(=]")
LOGGER: Final = re.compile(r"Logger \((.{0,200})\)")
"""raygun4py's class name of a log record without exception."""


def platform_of(client: str, frames: list[RaygunFrame]) -> str:
    """Return Sentry's name of the platform, from the client's name, else from the form of the frames."""
    name = client.lower()
    for part, platform in _PLATFORMS:
        if part in name:
            return platform
    return "python" if not name and _looks_like_python(frames) else "other"


def _looks_like_python(frames: list[RaygunFrame]) -> bool:
    """Return whether a frame is as only raygun4py makes it: a .py file, and a source line as the method's name."""
    return any(
        (frame.file_name or "").endswith(".py") and _SOURCE_LINE.search(frame.method_name or "") for frame in frames
    )


def frame_of(raw: RaygunFrame, platform: str, notes: Notes) -> Frame:
    """Return one frame. Go's argument addresses stay in the function: grouping removes them."""
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
    """Return (function, module, source line). raygun4py sends the function where others send the class."""
    if platform == "python":
        return (method, "", "") if LOGGER.fullmatch(name) else (name, "", method.rstrip()[:SOURCE])
    if platform in _CLASSLESS or name.lower() in _NO_CLASS or _JS_CLASS.fullmatch(name):
        return method, "", ""
    return method, name, ""


def split_type(name: str, platform: str) -> tuple[str, str]:
    """Return (type, module): Java and .NET name an error by its whole path."""
    if platform in ("java", "csharp") and _DOTTED.fullmatch(name):
        module, _, kind = name.rpartition(".")
        return kind, module
    return name, ""


def without_type(message: str, name: str) -> str:
    """Return a message without a leading ``Type: ``, the name of its own type in full or without its path."""
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
    """Return the request's URL; a bare path gets the host in front."""
    text = url or ""
    return plain(f"{host}{text}" if host and text.startswith("/") else text, PATH)
