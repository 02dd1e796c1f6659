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
    name, method = raw.class_name or "", raw.method_name or ""
    module = source = ""
    if platform == "python":
        if not LOGGER.fullmatch(name):
            method, source = name, method.rstrip()
    elif platform not in ("javascript", "node") and name.lower() not in _NO_CLASS and not _JS_CLASS.fullmatch(name):
        module = name
    path = notes.cut(raw.file_name, PATH, "fileName")
    return Frame(
        function=notes.cut(method, FUNCTION, "methodName"),
        module=notes.cut(module, FUNCTION, "className"),
        file=path,
        abs_path=path if path.startswith("/") or "://" in path else "",
        line=_line(raw.line_number),
        column=_line(raw.column_number),
        source=source[:SOURCE],
    )


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
    if isinstance(value, str) and len(value) < 10 and value.isascii() and value.isdigit():  # noqa: PLR2004  below 2^31
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return line(value) if isinstance(value, int) and not isinstance(value, bool) else None


def address_of(url: str | None, host: str | None) -> str:
    """Give the request's address; the host before a bare path."""
    text = url or ""
    return plain(f"{host}{text}" if host and text.startswith("/") else text, PATH)
