"""Events with source lines for the tests of the second grouping."""

from app.grouping import g2
from app.model import Event, Frame, Raised

PLATFORMS = {
    "python": ("python", "py"), "js": ("node", "js"), "ts": ("node", "ts"), "ruby": ("ruby", "rb"),
    "elixir": ("elixir", "ex"),
    "php": ("php", "php"), "go": ("go", "go"), "java": ("java", "java"), "kotlin": ("java", "kt"),
    "csharp": ("csharp", "cs"),
    "scala": ("java", "scala"), "groovy": ("java", "groovy"), "swift": ("cocoa", "swift"), "rust": ("native", "rs"),
    "cpp": ("native", "cpp"), "perl": ("perl", "pl"), "dart": ("dart", "dart"),
}  # fmt: skip


def lines_of(text: str) -> tuple[list[str], int]:
    """Return the lines of a text and the index of the one that begins by ``>`` (else of the last one)."""
    lines = text.strip("\n").split("\n")
    marked = next((at for at, line in enumerate(lines) if line.startswith(">")), len(lines) - 1)
    return [line.removeprefix(">") for line in lines], marked


def frame(language: str, source: str, function: str = "work", *, in_app: bool | None = True, line: int = 40) -> Frame:
    """Return a frame whose lines are ``source``, the failing one marked by ``>`` at its start (else the last one)."""
    _, ending = PLATFORMS[language]
    made = Frame(function=function, module="shop.work", file=f"shop/{function}.{ending}", in_app=in_app, line=line)
    if source:
        lines, at = lines_of(source)
        made.source = lines[at]
        made.context = [(line - at + index, text) for index, text in enumerate(lines)]
    return made


def crash(
    language: str, source: str, value: str, *outer: Frame, kind: str = "ShopError", function: str = "work"
) -> Event:
    """Return an event of one exception; ``outer`` are the callers of the function that raised, outermost first."""
    platform, _ = PLATFORMS[language]
    frames = [*outer, frame(language, source, function)]
    return event(platform, Raised(type=kind, value=value, frames=frames))


def event(platform: str, *exceptions: Raised, **texts: str) -> Event:
    """Return an event; ``texts`` are fields of it."""
    made = Event(event_id="0" * 32, project=1, kind="sentry", received=1, time=1, platform=platform)
    made.exceptions = list(exceptions)
    for name, text in texts.items():
        setattr(made, name, text)
    return made


def said(language: str, source: str, value: str, *, kind: str = "ShopError") -> str:
    """Return the template that the statement gives, '' where it was not read."""
    decision = g2.decide(crash(language, source, value, kind=kind))
    return decision.template if decision.read else ""


def same(one: Event, other: Event) -> bool:
    """Tell whether two events are one group."""
    return g2.group(one).group == g2.group(other).group
