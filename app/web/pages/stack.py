"""Lays out a stack for a page: which frames are open, which are folded together, what each one shows. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

from app.model import Frame
from app.web.pages.values import Budget, size_of, text_html, value_html

PERIOD: Final = 8
"""Frames of a cycle at most whose repetitions are folded."""
VISIBLE: Final = 16
"""Frames and folds of one stack that are in sight; those behind are folded as one."""
UNCLAIMED: Final = 8
"""Frames in sight of a stack of which no frame is the application's."""
AROUND: Final = 5
"""Lines of source before and after the failing one."""
LINE: Final = 300
"""Characters of a line of source."""
VARIABLES: Final = 6
"""Variables of a frame in sight."""
MOST_VARIABLES: Final = 40
FRAME_BYTES: Final = 260
"""HTML of a frame without its texts."""
LINE_BYTES: Final = 70

SCRIPTS: Final = frozenset(("javascript", "node", "react-native"))
_MINIFIED_COLUMN: Final = 400
"""A line this long was not written by a person."""
_MINIFIED_FILE: Final = re.compile(r"[.-]min\.[cm]?js\b|[.-][0-9a-f]{8,}\.[cm]?js\b")


class FrameView(NamedTuple):
    """One frame as it is shown."""

    function: str
    place: str
    """File, line and column; of native code the binary and the address."""
    in_app: bool
    open: bool
    times: int
    """How often it stands here in a row."""
    lines: list[tuple[int | str, Markup, bool]]
    """Number, text, and whether it failed."""
    facts: list[tuple[str, str]]
    """What is known of a native frame."""
    variables: list[tuple[str, Markup]]
    more_variables: int
    """Those that only the raw report has."""

    @property
    def opens(self) -> bool:
        """Whether there is anything to open."""
        return bool(self.lines or self.facts or self.variables)


class Run(NamedTuple):
    """Frames that stand together: one in sight, or several that are folded."""

    frames: list[FrameView]
    label: str
    """Of folded frames; '' for one in sight."""
    dropped: int = 0
    """Frames of the fold that only the raw report has."""
    times: int = 1
    """How often the folded frames come in turn."""


class StackView(NamedTuple):
    """A stack, innermost frame first."""

    runs: list[Run]
    depth: int
    """Frames that were sent."""
    minified: str
    """The place of a minified frame, as file:line:column; '' where none is."""
    registers: list[tuple[str, str]]


class _Piece(NamedTuple):
    """Neighbouring frames that repeat: usually one, once."""

    frames: list[Frame]
    times: int


def stack_view(
    frames: Sequence[Frame], budget: Budget, *, opened: int = 1, platform: str = "", registers: Mapping[str, str]
) -> StackView:
    """Lay out a stack.

    Args:
        frames: The frames, innermost last.
        budget: Of HTML.
        opened: How many frames with source or variables are open at first, the innermost of the application.
        platform: Of the event.
        registers: At the innermost frame.
    """
    inner = list(reversed(frames))
    claimed = any(frame.in_app for frame in inner)
    runs: list[Run] = []
    folded: list[FrameView] = []
    for piece in _pieces(inner):
        views = [_frame(frame, budget, times=piece.times if len(piece.frames) == 1 else 1) for frame in piece.frames]
        own = any(frame.in_app for frame in piece.frames) if claimed else len(runs) < UNCLAIMED
        if not own or len(runs) >= VISIBLE or not views[0].place + views[0].function:
            folded += views if len(piece.frames) == 1 else [view._replace(times=piece.times) for view in views]
            continue
        runs += _fold(folded, claimed=claimed)
        folded = []
        if len(views) > 1:
            runs.append(Run(views, f"{len(views)} frames in turn", times=piece.times))
        else:
            if opened and views[0].opens:
                opened -= 1
                views = [views[0]._replace(open=True)]
            runs.append(Run(views, ""))
    runs += _fold(folded, claimed=claimed and len(runs) < VISIBLE)
    return StackView(runs, len(inner), _minified(inner, platform), _registers(registers, budget))


def _fold(views: list[FrameView], *, claimed: bool) -> list[Run]:
    if len(views) == 1:
        return [Run(views, "")]
    count = sum(view.times for view in views)
    kept = [view for view in views if view.function or view.place]
    where = "outside the application" if claimed else "further out"
    return [Run(kept, f"{count} frames {where}", len(views) - len(kept))] if views else []


def _pieces(frames: list[Frame]) -> Iterator[_Piece]:
    """Yield frames with their repetitions: the same ones in the same order, right behind each other."""
    names = [_name(frame) for frame in frames]
    at = 0
    while at < len(frames):
        period, times = max(
            ((period, _times(names, at, period)) for period in range(1, PERIOD + 1)),
            key=lambda found: (found[0] * (found[1] - 1), -found[0]),
        )
        period = period if times > 1 else 1
        yield _Piece(frames[at : at + period], times)
        at += period * times


def _name(frame: Frame) -> tuple[object, ...]:
    """Return what is equal in repetitions of a frame, whose variables may differ."""
    return (frame.function, frame.module, frame.file, frame.abs_path, frame.line, frame.symbol, frame.address)


def _times(names: list[tuple[object, ...]], at: int, period: int) -> int:
    block, times = names[at : at + period], 1
    while names[at + times * period : at + (times + 1) * period] == block:
        times += 1
    return times


def _frame(frame: Frame, budget: Budget, times: int) -> FrameView:
    """Return a frame; without anything where the budget is spent."""
    function, place = frame.function or frame.symbol or "?", place_of(frame)
    if not budget.take(FRAME_BYTES + size_of(text_html(function)) + size_of(text_html(place))):
        return FrameView("", "", False, False, times, [], [], [], 0)
    variables = []
    for name, value in list(frame.vars.items())[:MOST_VARIABLES]:
        if not budget.take(50 + size_of(text_html(name, 200))):
            break
        variables.append((name[:200], value_html(value, budget, 1)))
    return FrameView(
        function, place, frame.in_app is True, open=False, times=times, lines=_lines(frame, budget),
        facts=_native(frame, budget), variables=variables, more_variables=len(frame.vars) - len(variables),
    )  # fmt: skip


def place_of(frame: Frame) -> str:
    """Return where a frame is: file, line and column, else module, binary, address; '' where nothing is sent."""
    file = frame.file or frame.abs_path
    if not file:
        binary = re.split(r"[/\\]", frame.package)[-1]
        return " ".join(part for part in (frame.module, binary, frame.address) if part)
    at = "".join(f":{number}" for number in (frame.line, frame.column) if number is not None)
    stem = file.rpartition("/")[2].partition(".")[0]
    if frame.module and "/" not in file and "\\" not in file and frame.module != stem:
        return f"{frame.module} ({file}{at})"
    return file + at


def _lines(frame: Frame, budget: Budget) -> list[tuple[int | str, Markup, bool]]:
    if frame.context:
        near = [
            (number, code) for number, code in frame.context
            if frame.line is None or abs(number - frame.line) <= AROUND
        ]  # fmt: skip
        lines: list[tuple[int | str, str, bool]] = [(number, code, number == frame.line) for number, code in near]
    elif frame.source:
        lines = [(frame.line if frame.line is not None else "", frame.source, True)]
    else:
        return []
    shown = [(number, text_html(code, LINE), failed) for number, code, failed in lines]
    if not budget.take(sum(LINE_BYTES + size_of(code) for _, code, _ in shown)):
        return []
    return shown


def _native(frame: Frame, budget: Budget) -> list[tuple[str, str]]:
    """Return what is known of a native frame; of other code, whose frames have no address, nothing."""
    if not frame.address:
        return []
    facts = (
        ("Address", frame.address), ("Binary", frame.package), ("Loaded at", frame.image),
        ("Symbol", frame.symbol if frame.symbol != frame.function else ""),
    )  # fmt: skip
    known = [(name, value) for name, value in facts if value]
    size = sum(LINE_BYTES + size_of(text_html(value)) for _, value in known)
    return known if len(known) > 1 and budget.take(size) else []


def _registers(registers: Mapping[str, str], budget: Budget) -> list[tuple[str, str]]:
    shown = list(registers.items())
    size = sum(LINE_BYTES + size_of(text_html(value)) for _, value in shown)
    return shown if not shown or budget.take(size) else []


def _minified(frames: list[Frame], platform: str) -> str:
    """Return the place of the innermost frame that a minifier made, '' for none."""
    if platform not in SCRIPTS:
        return ""
    for frame in frames:
        long_line = (frame.column or 0) > _MINIFIED_COLUMN
        if (frame.file or frame.abs_path) and (long_line or _MINIFIED_FILE.search(frame.file or frame.abs_path)):
            return place_of(frame)
    return ""
