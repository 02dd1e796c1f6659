"""Builds the frames of Sentry's stacks; frames that recur in every report of an application are built once."""

from typing import Final

from app.model import Frame
from app.normalise import full as pages
from app.normalise.fields import line, plain
from app.normalise.sentry_shape import FullFrame, LightFrame, Stack
from app.normalise.text import FRAMES, FUNCTION, OUTER_FRAMES, PATH, SOURCE, Notes

REMEMBERED: Final = 2048
"""Frames that are cached, of at most FUNCTION characters each: some MB at most."""

remembered: Final[dict[tuple[object, ...], Frame]] = {}
"""Frames by all values that a light frame is built from. Events share them: nobody changes a light event's frame."""


def frames_of(stack: Stack[LightFrame] | None, notes: Notes) -> list[Frame]:
    """Return the frames of a stack, of a deep one without the middle."""
    frames = stack.frames if stack else None
    if not frames:
        return []
    if len(frames) > FRAMES:
        notes.add(f"more than {FRAMES} frames: the middle ones dropped")
        frames = frames[:OUTER_FRAMES] + frames[OUTER_FRAMES - FRAMES :]
    return [_frame(frame, notes) for frame in frames if frame is not None]


def _frame(raw: LightFrame, notes: Notes) -> Frame:
    if isinstance(raw, FullFrame):
        frame = _made(raw, notes)
        pages.frame(frame, raw)
        return frame
    if raw.instruction_addr is not None:  # of any type: 1, 1.0 and true would be one key
        return _made(raw, notes)
    key = (
        raw.function, raw.module, raw.filename, raw.abs_path, raw.lineno, raw.colno, raw.in_app, raw.package,
        raw.symbol, raw.context_line, raw.raw_function,
    )  # fmt: skip
    known = remembered.get(key)
    return known if known is not None else _kept(key, _made(raw, notes), raw)


def _kept(key: tuple[object, ...], frame: Frame, raw: LightFrame) -> Frame:
    if _length(raw) <= FUNCTION:
        if len(remembered) >= REMEMBERED:
            remembered.clear()
        remembered[key] = frame
    return frame


def _length(raw: LightFrame) -> int:
    texts = (
        raw.function, raw.module, raw.filename, raw.abs_path, raw.package, raw.symbol, raw.context_line,
        raw.raw_function,
    )  # fmt: skip
    return sum(len(text) for text in texts if text)


def _made(raw: LightFrame, notes: Notes) -> Frame:
    function = raw.function or raw.raw_function or ""
    module, file, path = raw.module or "", raw.filename or "", raw.abs_path or ""
    package, symbol, source = raw.package or "", raw.symbol or "", raw.context_line or ""
    if _length(raw) > FUNCTION:
        function, module = notes.cut(function, FUNCTION, "function"), notes.cut(module, FUNCTION, "module")
        file, path = notes.cut(file, PATH, "filename"), notes.cut(path, PATH, "abs_path")
        package, symbol = notes.cut(package, PATH, "package"), notes.cut(symbol, FUNCTION, "symbol")
        source = notes.cut(source, SOURCE, "context_line")
    address = raw.instruction_addr
    return Frame(
        function,
        module,
        file,
        path,
        line(raw.lineno),
        line(raw.colno),
        raw.in_app,
        package,
        symbol,
        plain(address) if address is not None else "",
        source,
    )
