"""Builds the frames of Sentry's stacks; frames that recur in every report of an application are built once."""

from typing import Any, Final

import msgspec

from app.model import Frame
from app.normalise import full as pages
from app.normalise.fields import line, plain
from app.normalise.sentry_shape import FullFrame, LightFrame, Stack
from app.normalise.text import FRAMES, FUNCTION, OUTER_FRAMES, PATH, SOURCE, Notes

CONTEXTS: Final = 3
"""Innermost frames of the application with a source line whose lines around it are read in a light event too. All
frames would cost 17 to 20 us an event; grouping reads the raising statement and its callers, no more."""

REGISTERS: Final = 128
REGISTER: Final = 16
"""Characters of a register's name."""

REMEMBERED: Final = 2048
"""Frames that are cached, of at most FUNCTION characters each: some MB at most."""

remembered: Final[dict[tuple[object, ...], Frame]] = {}
"""Frames by all values that a light frame is built from. Events share them: nobody changes a light event's frame."""

REMEMBERED_CONTEXTS: Final = 512
"""Frames with the lines around theirs that are kept, of at most CONTEXT bytes each: some MB at most."""
CONTEXT: Final = 4096

remembered_contexts: Final[dict[tuple[object, ...], Frame]] = {}
"""By all that such a frame is made of; shared and never changed, as above."""


def frames_of(stack: Stack[LightFrame] | None, notes: Notes) -> list[Frame]:
    """Return the frames of a stack, of a deep one without the middle."""
    frames = stack.frames if stack else None
    if not frames:
        return []
    if len(frames) > FRAMES:
        notes.add(f"more than {FRAMES} frames: the middle ones dropped")
        frames = frames[:OUTER_FRAMES] + frames[OUTER_FRAMES - FRAMES :]
    made, left = list[Frame](), CONTEXTS
    for raw in reversed(frames):
        if raw is None:
            continue
        around = bool(left and raw.context_line and raw.in_app is not False)
        left -= around
        made.append(_frame(raw, notes, around=around))
    made.reverse()
    return made


def registers_of(stack: Stack[LightFrame] | None) -> dict[str, str]:
    """Return the processor's registers at the innermost frame, {} where a client sends none."""
    values = _decoded(stack.registers) if stack else None
    if not isinstance(values, dict):
        return {}
    return {str(name)[:REGISTER]: plain(value) for name, value in list(values.items())[:REGISTERS]}


def _frame(raw: LightFrame, notes: Notes, *, around: bool) -> Frame:
    if isinstance(raw, FullFrame):
        frame = _made(raw, notes)
        pages.frame(frame, raw)
        return frame
    if raw.instruction_addr is not None or raw.image_addr is not None:  # of any type: 1, 1.0 and true would be one key
        return _with_context(raw, notes) if around else _made(raw, notes)
    key = (
        raw.function, raw.module, raw.filename, raw.abs_path, raw.lineno, raw.colno, raw.in_app, raw.package,
        raw.symbol, raw.context_line, raw.raw_function,
    )  # fmt: skip
    if around:
        return _around(key, raw, notes)
    known = remembered.get(key)
    return known if known is not None else _kept(key, _made(raw, notes), raw)


def _around(key: tuple[object, ...], raw: LightFrame, notes: Notes) -> Frame:
    """Return a frame with the lines around its own; one seen before is not made again."""
    if not isinstance(raw.pre_context, msgspec.Raw) or not isinstance(raw.post_context, msgspec.Raw):
        return _with_context(raw, notes)
    before, after = bytes(raw.pre_context), bytes(raw.post_context)
    key = (*key, before, after)
    if (known := remembered_contexts.get(key)) is not None:
        return known
    frame = _with_context(raw, notes)
    if _length(raw) + len(before) + len(after) <= CONTEXT and _length(raw) <= FUNCTION:
        if len(remembered_contexts) >= REMEMBERED_CONTEXTS:
            remembered_contexts.clear()
        remembered_contexts[key] = frame
    return frame


def _with_context(raw: LightFrame, notes: Notes) -> Frame:
    frame = _made(raw, notes)
    pages.lines(frame, _decoded(raw.pre_context), _decoded(raw.post_context))
    return frame


def _decoded(value: Any) -> Any:  # noqa: ANN401  undecoded JSON, or any JSON value from the tolerant reader
    if not isinstance(value, msgspec.Raw):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


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
        plain(raw.image_addr) if raw.image_addr is not None else "",
        source,
    )
