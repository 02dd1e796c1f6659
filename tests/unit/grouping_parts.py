"""Small events for the tests of grouping."""

from app.grouping import group
from app.model import Event, Frame, Raised, Thread


def frame(text: str, *, in_app: bool = True) -> Frame:
    """Give a frame from ``function|module|file``; by default the application's."""
    function, module, file = [*text.split("|"), "", ""][:3]
    return Frame(function=function, module=module, file=file, in_app=in_app)


def raised(
    kind: str,
    value: str,
    *frames: str,
    exception_id: int | None = None,
    parent_id: int | None = None,
    is_group: bool = False,
    mechanism: str = "",
) -> Raised:
    """Give an exception with frames, innermost last; one that begins by ``-`` is not the application's."""
    return Raised(
        type=kind,
        value=value,
        frames=[frame(one.removeprefix("-"), in_app=not one.startswith("-")) for one in frames],
        exception_id=exception_id,
        parent_id=parent_id,
        is_group=is_group,
        mechanism=mechanism,
        synthetic=bool(mechanism),
    )


def event(platform: str, *exceptions: Raised, threads: list[Thread] | None = None, **texts: str) -> Event:
    """Give an event; ``texts`` are fields of it."""
    made = Event(event_id="0" * 32, project=1, kind="sentry", received=1, time=1, platform=platform)
    made.exceptions, made.threads = list(exceptions), threads or []
    for name, text in texts.items():
        setattr(made, name, text)
    return made


def crash(platform: str, *frames: str, kind: str = "Error", value: str = "it broke") -> Event:
    """Give an event of one exception."""
    return event(platform, raised(kind, value, *frames))


def same(one: Event, other: Event) -> bool:
    """Tell whether two events are one group."""
    return group(one).group == group(other).group
