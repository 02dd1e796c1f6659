"""What a person reads of a group: the outermost error as the application's log says it, what caused it, and where."""

from typing import Final

from app.grouping.g1.message import first_line
from app.grouping.g2.chain import Stack
from app.model import Event, Frame, Raised

TITLE: Final = 200
"""Characters of a title, and of a cause."""


def title(event: Event, stack: Stack, text: str, parts: int) -> str:
    """Return ``Type: message`` of the outermost error; ``parts`` are the exceptions of a group that decide.

    A group of exceptions goes by its own type with the number of its parts; a crash with threads alone by the function
    that crashed.
    """
    if event.exceptions:
        outer = _outermost(event)
        if outer.is_group and parts > 1:
            own = _said(outer.type, _counted_away(outer.value)) or "group of exceptions"
            return f"{own[: TITLE - 16]} ({parts} exceptions)"
        named = _said(outer.type, outer.value) or _said("", event.message)
        return (named or _crashed(stack) or "unknown")[:TITLE]
    line = first_line(event.message or text)
    return (line or _crashed(stack) or "unknown")[:TITLE]


def cause(event: Event, stack: Stack, parts: int) -> str:
    """Return ``Type: message`` of the exception that decided; '' where it is the title's own, or where several did."""
    if parts > 1 or stack.raised is None or stack.raised is _outermost(event):
        return ""
    return _said(stack.raised.type, stack.raised.value)[:TITLE]


def culprit(event: Event, stack: Stack, counted: tuple[int, ...]) -> str:
    """Return where: function and module or file of the frame that counted, else the transaction."""
    if not counted:
        return event.transaction
    return _place(stack.frames[counted[0]])


def _outermost(event: Event) -> Raised:
    """Return the error as the application's log says it: the last, or the root of a tree."""
    return next((one for one in event.exceptions if one.is_group and one.parent_id is None), event.exceptions[-1])


def _said(kind: str, value: str) -> str:
    line = first_line(value)
    return f"{kind}: {line}" if kind and line else kind or line


def _counted_away(value: str) -> str:
    """Return a group's message without ``(2 sub-exceptions)``: the number of parts stands behind."""
    head, found, _ = first_line(value).rpartition(" (")
    return head if found and "exception" in value else value


def _crashed(stack: Stack) -> str:
    """Return the innermost function that has a name, as a title of a crash that says nothing else."""
    named = [
        frame for frame, one in zip(stack.frames, stack.looks, strict=True) if one.tier == stack.tier and one.named
    ]
    return f"crash in {_place(named[-1])}" if named else ""


def _place(frame: Frame) -> str:
    name, where = frame.function or frame.symbol, frame.module or frame.file or frame.abs_path or frame.package
    return f"{name} in {where}" if name and where else name or where
