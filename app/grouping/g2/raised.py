"""Which frame raised, what its statement says, and which callers count with it."""

import re
from typing import Final, NamedTuple

from app.grouping.g2 import keys
from app.grouping.g2.chain import Stack
from app.grouping.g2.frames import APP
from app.grouping.g2.identity import is_identity
from app.grouping.g2.languages import Language, language_of
from app.grouping.g2.message import template_of
from app.grouping.g2.statement import AFTER, BEFORE, Raise, Reading, assigned, parameters, passed, read
from app.grouping.g2.templates import Template, braces, cut, is_cut, joined, percent, whole, within
from app.model import Frame

CONTEXTS: Final = 3
"""Innermost frames of the application with a source line of which a light event has the lines around."""
_CALLERS: Final = 3
"""Callers of a throw helper that are looked at, outwards."""
_LIBRARIES: Final = 2
"""Frames of libraries between a helper and its caller."""
_WEAK: Final = 3
"""Letters of words that a literal must have to be a statement's by itself."""
_STRONG: Final = 8
"""Letters that a literal must have which an application passes to a library."""
LONGEST: Final = 240
"""Characters of a template as it counts."""
_WRAPPED: Final = re.compile(r"(?:\b|[a-z])[eE]rr(?:or)?(?:\.Error\(\))?\Z|\bcause\Z")
"""Expressions of Go whose value is an error."""
_BRACED: Final = ("csharp", "java", "android", "php")
"""Platforms whose loggers fill braces."""
_AS: Final = re.compile(r"\s*\[as [^\]]{0,200}\]|\(.*|(?:/<)+\Z|/\d{1,3}\Z")
_SIMPLE: Final = re.compile(r"[^\W\d][\w$]*[!?]?\Z|\$[\w$]*\Z")


class Filled(NamedTuple):
    """One hole of a literal, as the message fills it."""

    expression: str
    value: str
    identity: bool
    wraps: bool = False
    """It is an error that Go's ``%w`` and its kin wrap: one report has many causes."""


class Said(NamedTuple):
    """A literal that made the message."""

    template: str
    """As it counts: constants, values that are identity, ``<>`` for data."""
    holes: tuple[Filled, ...]
    statement: str
    """The source that was read."""
    rule: str
    """``statement``; ``helper`` where a caller passed the literal; ``library`` where the application passed it to a
    library that raised; ``record`` where the SDK sent the record's template."""
    caller: int = -1
    """Index of the caller's frame that counts, -1 for none."""


class Raising(NamedTuple):
    """What is known of the raise of one stack."""

    at: int
    """Index of the frame that raised, -1 for none."""
    library: bool
    silent: bool
    said: Said | None
    shown_helper: int = -1
    """Index of the caller that counts because the raised text is visibly a parameter; -1 for none."""
    words: str = ""
    """The message's template where the line that raised shows that the missing key is data; '' for none."""


NOWHERE: Final = Raising(-1, library=False, silent=False, said=None)


def raising_frame(stack: Stack) -> int:
    """Return the index of the frame that raised: the innermost past the machinery of raising; -1 for none."""
    looks = stack.looks
    for at in range(len(looks) - 1, -1, -1):
        if not looks[at].machinery:
            return at
    return len(looks) - 1


def raising(stack: Stack, kind: str, text: str, platform: str) -> Raising:
    """Return what the lines of a stack say of the raise of the type ``kind`` ('': a log) whose message is ``text``."""
    log = not kind
    at = raising_frame(stack)
    if at < 0:
        return NOWHERE
    if log and (own := _application(stack, at)) >= 0:
        at = own
    if stack.looks[at].tier != APP:
        return Raising(at, library=True, silent=False, said=_through_library(stack, at, text, platform))
    lines, index, language = _view(stack, at, platform)
    if language is None or not lines:
        return Raising(at, library=False, silent=False, said=None)
    reading = read(lines, index, language.name, log=log)
    if not reading.found:
        silent = reading.silent and not log
        words = keys.template(kind, text, lines, index, language.name) if silent else ""
        return Raising(at, library=False, silent=silent, said=None, words=words)
    said = _said(reading, text) or _assigned(reading, lines, index, language, text)
    if said is not None and said[0].letters >= _WEAK:
        read_here = _rendered(*said, "statement", go=language.name == "go")
        return Raising(at, library=False, silent=False, said=read_here)
    helper, shown = _helped(stack, at, reading, text, platform, said)
    return Raising(at, library=False, silent=False, said=helper, shown_helper=shown)


def of_record(template: str, text: str, platform: str) -> Said | None:
    """Return what a record's own template makes of its message; None where it does not make it."""
    plain = Template((template,), ())
    for fill in (braces, percent) if platform in _BRACED else (percent, braces):
        one = fill(plain, [])
        if one.holes and (values := whole(one, text)) is not None:
            return _rendered(one, values, template, "record")
    return None


def _application(stack: Stack, at: int) -> int:
    return next((index for index in range(at, -1, -1) if stack.looks[index].tier == APP), -1)


def _view(stack: Stack, at: int, platform: str) -> tuple[tuple[str, ...], int, Language | None]:
    """Return the lines around a frame's own, which of them it is, and their language."""
    frame = stack.frames[at]
    if not frame.source:
        return (), 0, None
    language = language_of(platform, frame.file or frame.abs_path)
    if language is None:
        return (), 0, None
    if frame.context and frame.line is not None and _has_context(stack, at):
        index = frame.line - frame.context[0][0]
        if 0 <= index < len(frame.context):
            first = max(index - BEFORE, 0)
            return (
                tuple([text.rstrip("\n") for _, text in frame.context[first : index + AFTER + 1]]),
                index - first,
                language,
            )
    return (frame.source.rstrip("\n"),), 0, language


def _has_context(stack: Stack, at: int) -> bool:
    """Tell whether a light event has the lines around this frame: what a full event has more of must not count."""
    inner = 0
    for frame in stack.frames[at + 1 :]:
        inner += bool(frame.source) and frame.in_app is not False
    return inner < CONTEXTS and stack.frames[at].in_app is not False


def _said(reading: Reading, text: str) -> tuple[Template, list[str], str] | None:
    return _best([(one, raised.text) for raised in reading.found for one in raised.templates], text)


def _best(options: list[tuple[Template, str]], text: str) -> tuple[Template, list[str], str] | None:
    """Return the literal that makes the message, of several the one with most letters: all of it, else what the SDK
    left of it, else a part of it; else the one in a call that translates.
    """  # noqa: D205  one sentence
    if not options:
        return None
    if len(options) > 1:
        options = sorted(options, key=lambda option: -option[0].letters)
    for fits in (_whole, cut, within) if is_cut(text) else (_whole, within):
        for template, statement in options:
            if (values := fits(template, text)) is not None:
                return template, values, statement
    translated = [(one, statement) for one, statement in options if one.translated]
    if translated:
        return translated[0][0], [""] * len(translated[0][0].holes), translated[0][1]
    return None


def _whole(template: Template, text: str) -> list[str] | None:
    values = whole(template, text)
    if values is None and len(text) > 1 and text[0] in "'\"" and text[-1] == text[0]:
        return whole(template, text[1:-1])  # KeyError shows its argument's repr
    return values


def _assigned(
    reading: Reading, lines: tuple[str, ...], index: int, language: Language, text: str
) -> tuple[Template, list[str], str] | None:
    options = [
        (one, raised.text)
        for raised in reading.found
        for variable in raised.variables
        for one in assigned(lines, index, variable, language.name)
    ]
    return _best(options, text)


def _through_library(stack: Stack, at: int, text: str, platform: str) -> Said | None:
    """Return the literal that the application's line passes to the library next to it: ``abort(404, f"no {x}")``."""
    own = _application(stack, at)
    if own < 0 or own + 1 >= len(stack.frames):
        return None
    lines, index, language = _view(stack, own, platform)
    function = simple(stack.frames[own + 1])
    if language is None or not lines or not function:
        return None
    call = passed(lines, index, function, language.name)
    if call is None:
        return None
    found = [
        (one, values) for one in call.templates if one.letters >= _STRONG and (values := whole(one, text)) is not None
    ]
    if not found:
        return None
    template, values = max(found, key=lambda one: one[0].letters)
    return _rendered(template, values, call.text, "library")


def _helped(
    stack: Stack, at: int, reading: Reading, text: str, platform: str, weak: tuple[Template, list[str], str] | None
) -> tuple[Said | None, int]:
    """Return what a caller passed to the raise, and the caller that counts where only the parameter shows."""
    variables = {name.lstrip("$@") for raised in reading.found for name in raised.variables}
    variables |= {hole.strip() for hole in weak[0].holes} if weak else set()
    if not variables:
        return None, -1
    inner = at
    for _ in range(_CALLERS):
        outer = _outwards(stack, inner)
        if outer < 0:
            break
        call = _passed(stack, inner, outer, platform)
        if call is None:
            break
        options = [(one, call.text) for one in call.templates]
        found = (_filling(weak, options) if weak else None) or _best(options, text)
        if found:
            return _rendered(*found, "helper", outer), -1
        if not call.variables:
            break
        inner = outer
    return None, _outwards(stack, at) if _is_parameter(stack, at, variables, platform) else -1


def _filling(
    weak: tuple[Template, list[str], str], options: list[tuple[Template, str]]
) -> tuple[Template, list[str], str] | None:
    """Return a weak literal with a caller's literal in the hole that it fills: ``f"{code}: {text}"``."""
    template, values, _ = weak
    for at, value in enumerate(values):
        for option, statement in options:
            inner = whole(option, value)
            if inner is not None and option.letters >= _WEAK:
                before = Template(template.constants[: at + 1], template.holes[:at])
                behind = Template(template.constants[at + 1 :], template.holes[at + 1 :])
                filled = [*values[:at], *inner, *values[at + 1 :]]
                return joined([before, option, behind]), filled, statement
    return None


def _outwards(stack: Stack, at: int) -> int:
    """Return the next frame of the application outwards; -1 where more than two frames of libraries stand between."""
    nearest = range(at - 1, max(at - 2 - _LIBRARIES, -1), -1)
    return next((outer for outer in nearest if stack.looks[outer].tier == APP), -1)


def _passed(stack: Stack, inner: int, outer: int, platform: str) -> Raise | None:
    lines, index, language = _view(stack, outer, platform)
    function = simple(stack.frames[inner])
    if language is None or not lines or not function:
        return None
    return passed(lines, index, function, language.name)


def _is_parameter(stack: Stack, at: int, variables: set[str], platform: str) -> bool:
    lines, index, language = _view(stack, at, platform)
    function = simple(stack.frames[at])
    if language is None or not function:
        return False
    named = parameters(lines, index, function)
    return bool(named) and any(name.lstrip("$@") in variables for name in named or ())


def _counts(hole: Filled) -> str:
    """Return what stands in a hole's place: identity itself, the template of an error that Go wraps, else ``<>``."""
    if hole.identity:
        return hole.value.strip("'\"`")
    return template_of(hole.value, one_word=False) if hole.wraps and hole.value else "<>"


def simple(frame: Frame) -> str:
    """Return the name that a caller calls this frame's function by, '' where it has none."""
    text = _AS.sub("", frame.function)
    for mark in (".", "#", "::", "->", "/", "\\", " "):
        text = text.rpartition(mark)[2]
    return text if _SIMPLE.match(text) else ""


def _rendered(
    template: Template, values: list[str], statement: str, rule: str, caller: int = -1, *, go: bool = False
) -> Said:
    """Return a literal as it counts: identity stays, data becomes ``<>``."""
    constants = template.constants
    values = values + [""] * (len(template.holes) - len(values))  # a text that was cut fills the first ones only
    holes = tuple(
        Filled(
            expression,
            value,
            is_identity(value, constants[at], constants[at + 1], expression),
            go and bool(_WRAPPED.search(expression)),
        )
        for at, (expression, value) in enumerate(zip(template.holes, values, strict=False))
    )
    parts = [constants[0]]
    for at, one in enumerate(holes, 1):
        parts += (_counts(one), constants[at])
    return Said(" ".join("".join(parts).split())[:LONGEST], holes, statement, rule, caller)
