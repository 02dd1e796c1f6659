"""The constant texts of a literal with holes between them, and whether a message is made by it."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from app.grouping.g2.tokens import Hole, Pieces

CUT: Final = 1000
"""A message of so many characters, or one that ends in ``...``, may have been cut by its SDK."""
FITS_PART: Final = 8
"""Letters of words that a literal must have to be found in a part of the message."""
_PRINTF: Final = re.compile(
    r"%(?:\((?P<name>[^)]{0,80})\)|\d{1,3}\$)?"
    r"[-+ #0*']{0,5}\d{0,4}(?:\.(?:\d{1,4}|\*))?(?:hh|h|ll|l|L|q|j|z|t)?[a-zA-Z@%]"
)
_BRACES: Final = re.compile(r"\{\{|\}\}|\{(?P<name>[^{}:!]{0,80})[^{}]{0,40}(?:\{[^{}]{0,40}\}[^{}]{0,40})?\}")
_TRANSLATED: Final = re.compile(
    r"%\(\w{1,80}\)[a-z]|%(?:\{[^{}]{1,80}\}|[\w.]{1,60}%)|\{\{?[^{}]{1,80}\}?\}|(?<![\w:]):[A-Za-z_]\w{0,60}\b"
)
_NAMES: Final = re.compile(r"[^\W\d]\w*")
_WORDS: Final = re.compile(r"[^\W\d_]+")


class Template(NamedTuple):
    """One constant more than holes: what stands before the first hole, between them, behind the last."""

    constants: tuple[str, ...]
    holes: tuple[str, ...]
    """The expression of each hole, '' where there is none."""
    translated: bool = False
    """A call that translates stands around the literal: the message may be in another language."""

    @property
    def letters(self) -> int:
        """Return how many letters the words of its constants have."""
        return letters("".join(self.constants))


HOLE: Final = Template(("", ""), ("",))


@lru_cache(maxsize=2048)
def letters(text: str) -> int:
    """Return how many letters a text has, of any script."""
    return sum(map(len, _WORDS.findall(text)))


def hole(expression: str) -> Template:
    """Return what is no literal at all."""
    return Template(("", ""), (expression,))


def of_pieces(pieces: Pieces) -> Template:
    """Return the template of one string."""
    return _made([piece if isinstance(piece, str) else Hole(piece.expression) for piece in pieces])


def joined(parts: list[Template]) -> Template:
    """Return templates behind each other as one; neighbouring holes are one."""
    pieces: list[str | Hole] = []
    for part in parts:
        for constant, expression in zip(part.constants, part.holes, strict=False):
            pieces += (constant, Hole(expression))
        pieces.append(part.constants[-1])
    return _made(pieces, translated=any(part.translated for part in parts))


def _made(pieces: list[str | Hole], *, translated: bool = False) -> Template:
    constants, holes = [""], list[str]()
    for piece in pieces:
        if isinstance(piece, str):
            constants[-1] += piece
        elif holes and not constants[-1]:
            holes[-1] = holes[-1] or piece.expression
        else:
            holes.append(piece.expression)
            constants.append("")
    return Template(tuple(constants), tuple(holes), translated)


def percent(template: Template, arguments: list[str]) -> Template:
    """Return a template whose ``%s`` and kin are holes, filled by ``arguments`` in order."""
    return _filled(template, _PRINTF, arguments)


def braces(template: Template, arguments: list[str]) -> Template:
    """Return a template whose ``{}`` and kin are holes, filled by ``arguments`` in order, or by name."""
    return _filled(template, _BRACES, arguments)


_MARKED: Final = re.compile(r"%[-+#0]{0,3}\d{0,3}[sdivqrfx]|%\(\w{1,80}\)s|%\d{1,2}\$s|\{\w{0,80}\}")


def unfilled(template: Template) -> list[Template]:
    """Return what a literal with marks makes where the error that takes it fills them: ``new X("no %s", name)``."""
    if template.holes or not _MARKED.search(template.constants[0]):
        return []
    return [one for one in (percent(template, []), braces(template, [])) if one.holes]


def translated(template: Template) -> Template:
    """Return the template of a text that is looked up in a catalogue, with the marks that catalogues use as holes."""
    return _filled(template, _TRANSLATED, [])._replace(translated=True)


def _filled(template: Template, marks: re.Pattern[str], arguments: list[str]) -> Template:
    pieces: list[str | Hole] = []
    used = 0
    for index, constant in enumerate(template.constants):
        if index:
            pieces.append(Hole(template.holes[index - 1]))
        at = 0
        for found in marks.finditer(constant):
            pieces.append(constant[at : found.start()])
            at, mark = found.end(), found[0]
            if mark in ("%%", "{{", "}}"):
                pieces.append(mark[0])
                continue
            named = found.groupdict().get("name") or (_named(mark) if marks is _TRANSLATED else "")
            expression = named if named and not named.isdigit() else arguments[used] if used < len(arguments) else ""
            used += not named or named.isdigit()
            pieces.append(Hole(expression))
        pieces.append(constant[at:])
    return _made(pieces, translated=template.translated)


def _named(mark: str) -> str:
    """Return the name in a catalogue's mark: ``%(field)s``, ``%{field}``, ``:field``."""
    return next(iter(_NAMES.findall(mark)), "")


def whole(template: Template, text: str) -> list[str] | None:
    """Return what fills the holes where the template makes all of ``text``, None where it does not. Linear.

    The first constant stands at the start, the last at the end, each other at its leftmost place behind the one
    before: where any filling exists, this finds one. Blanks at either end do not matter.
    """
    values = _anchored(template.constants, text)
    if values is None and (stripped := text.strip()):
        constants = template.constants
        if len(constants) == 1:
            return [] if constants[0].strip() == stripped else None
        values = _anchored((constants[0].lstrip(), *constants[1:-1], constants[-1].rstrip()), stripped)
        if values is None and "".join(constants).strip() == stripped:
            return [""] * (len(constants) - 1)  # blanks beside empty holes went with the end
    return values


def _anchored(constants: tuple[str, ...], text: str) -> list[str] | None:
    first, last = constants[0], constants[-1]
    if len(constants) == 1:
        return [] if first == text else None
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return None
    values = []
    for constant in constants[1:-1]:
        found = text.find(constant, at, end)
        if found < 0:
            return None
        values.append(text[at:found])
        at = found + len(constant)
    values.append(text[at:end])
    return values


def cut(template: Template, text: str) -> list[str] | None:
    """Return what fills the holes of a text that was cut: constants as far as it goes. None where it does not fit."""
    constants, text = template.constants, text.removesuffix("...").removesuffix("…")
    first = constants[0].lstrip()
    if not text.startswith(first):
        return None
    at, seen, values = len(first), letters(first), list[str]()
    for constant in constants[1:]:
        found = text.find(constant, at) if constant else -1
        if found < 0:
            values.append(text[at:])
            return values if seen >= FITS_PART else None
        values.append(text[at:found])
        at, seen = found + len(constant), seen + letters(constant)
    return values if seen >= FITS_PART else None


def within(template: Template, text: str) -> list[str] | None:
    """Return what fills the holes where the template makes a part of ``text``.

    It must have FITS_PART letters, in two words: a word alone may stand in any message (``"validation"``).
    """
    constants = template.constants
    if template.letters < FITS_PART or len(_WORDS.findall(" ".join(constants))) < 2:  # noqa: PLR2004  two words
        return None
    at = text.find(constants[0])
    if at < 0:
        return None
    at += len(constants[0])
    values = []
    for index, constant in enumerate(constants[1:], 1):
        found = len(text) if not constant and index == len(constants) - 1 else text.find(constant, at)
        if found < 0:
            return None
        values.append(text[at:found])
        at = found + len(constant)
    return values


def is_cut(text: str) -> bool:
    """Tell whether an SDK may have cut this message."""
    return len(text) >= CUT or text.endswith(("...", "…"))
