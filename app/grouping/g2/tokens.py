"""Source lines of any language to tokens: one pass, linear in the text, whatever it holds.

A string is one token with its pieces: constant texts and holes. A hole is what the run time fills in: ``{x!r}``,
``${x}``, ``#{x}``, ``$x->y``. Comments and blanks are skipped. A quote that never closes takes the rest of its line,
or of the text where its strings may hold lines: no text is looked at twice for its end.
"""

import re
from typing import Final, NamedTuple

from app.grouping.g2.languages import Language, Quote

NAME, NUMBER, STRING, OPERATOR = 1, 2, 3, 4
LONGEST: Final = 4096
"""Characters of source that are looked at."""
MOST: Final = 400
"""Tokens that are made of a text: a statement that is longer is not one that a person wrote."""
_DEEPEST: Final = 12
"""Strings within holes within strings; what is deeper is part of the hole."""
_OPEN, _CLOSE = "([{", ")]}"
_EXPRESSION: Final = 60
"""Characters of a hole's expression that are kept."""
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b", "a": "\a"}
_REGEX: Final = re.compile(r"(?:[^/\\\n]|\\[^\n])*/?[a-z]*")
"""A regular expression of JavaScript, from behind its first slash; one that never closes takes its line."""
_SPECIFIED: Final = re.compile(r"(![rsa])?(:[^:\]\)]*)?$|=$")


_INTERPOLATED: Final = "\\("
"""How a hole begins in Swift."""


class Hole(NamedTuple):
    """What the run time puts in: the text of its expression, without format."""

    expression: str


Pieces = tuple[str | Hole, ...]


class Token(NamedTuple):
    """One token: what it is, its text, where it stands, on which line it begins and ends (0 is the first)."""

    kind: int
    text: str
    start: int
    end: int
    line: int
    last: int
    pieces: Pieces = ()


class Source(NamedTuple):
    """Tokens of a text, and for each bracket that opens the index of the one that closes it (or of the end)."""

    text: str
    tokens: list[Token]
    closing: dict[int, int]


def tokenise(text: str, language: Language) -> Source:
    """Return the tokens of the statement that begins on the first line: of LONGEST characters at most, MOST at most.

    It goes on over a line's end within brackets, behind an operator, and where the next line begins by one.
    """
    made = _Tokeniser(text[:LONGEST], language)
    made.run()
    return Source(made.text, made.tokens, made.closing | dict.fromkeys(made.opened, len(made.tokens)))


class _Tokeniser:
    """One pass over a text."""

    def __init__(self, text: str, language: Language) -> None:
        self.text, self._language = text, language
        self.tokens: list[Token] = []
        self.closing: dict[int, int] = {}
        self.opened: list[int] = []
        self._line = 0

    def run(self) -> None:
        """Scan until the statement ends."""
        text, at, size, match = self.text, 0, len(self.text), self._language.tokens.match
        while at < size and len(self.tokens) < MOST:
            found = match(text, at)
            if found is None:
                at += 1
                continue
            kind, start, at = found.lastgroup, at, found.end()
            if kind == "space":
                continue
            if kind == "line":
                if self._ends(at):
                    break
                self._line += 1
            elif kind == "comment":
                self._line += found[0].count("\n")
            elif kind == "joined":
                self._join()
            elif kind == "string":
                at = self._string(found[0], start, at)
            elif kind == "slash":
                at = self._slash(start, at)
            else:
                self._plain(kind or "", found[0], start, at)

    def _ends(self, at: int) -> bool:
        return not self.opened and bool(self.tokens) and not _goes_on(self.tokens[-1], self.text, at, self._language)

    def _join(self) -> None:
        """Take a line's end behind a backslash: the token before reaches into the next line."""
        self._line += 1
        if self.tokens:
            self.tokens[-1] = self.tokens[-1]._replace(last=self._line)

    def _string(self, mark: str, start: int, at: int) -> int:
        quotes = self._language.quotes
        pieces, end = string(self.text, at, quotes[mark if mark in quotes else mark.lower()], self._language)
        last = self._line + self.text.count("\n", start, end)
        self.tokens.append(Token(STRING, mark, start, end, self._line, last, pieces))
        self._line = last
        return end

    def _slash(self, start: int, at: int) -> int:
        """Take a division, or a regular expression where no operand stands before."""
        before = self.tokens[-1] if self.tokens else None
        divides = before is not None and (before.kind != OPERATOR or before.text in _CLOSE)
        found = None if divides else _REGEX.match(self.text, at)
        at = found.end() if found else at
        self.tokens.append(Token(OPERATOR if divides else NUMBER, "/", start, at, self._line, self._line))
        return at

    def _plain(self, kind: str, word: str, start: int, end: int) -> None:
        one = NAME if kind == "name" else NUMBER if kind == "number" else OPERATOR
        if one == OPERATOR:
            if word in _OPEN:
                self.opened.append(len(self.tokens))
            elif word in _CLOSE and self.opened:
                self.closing[self.opened.pop()] = len(self.tokens)
        self.tokens.append(Token(one, word, start, end, self._line, self._line))


def _goes_on(last: Token, text: str, at: int, language: Language) -> bool:
    if last.kind == OPERATOR and last.text not in language.enders:
        return True
    return bool(language.leaders and language.leaders.match(text, at))


def string(text: str, at: int, quote: Quote, language: Language, depth: int = 0) -> tuple[Pieces, int]:
    """Return the pieces of the string whose content begins at ``at``, and where it ends."""
    pieces: list[str | Hole] = []
    plain: list[str] = []
    size = len(text)
    while at < size:
        found = quote.stops.search(text, at)
        if found is None:
            plain.append(text[at:])
            return _whole(pieces, plain, open_end=True), size
        plain.append(text[at : found.start()])
        at, mark = found.end(), found[0]
        if mark == quote.end:
            return _whole(pieces, plain), at
        if mark == "\n":
            return _whole(pieces, plain, open_end=True), found.start()
        constant: str | None = None
        expression = ""
        if mark[0] == "\\" and mark != _INTERPOLATED:
            constant = _escaped(mark, raw=quote.raw)
            at = _braced_escape(text, at, mark)
        elif mark in quote.doubled:
            constant = quote.doubled[mark]
        else:
            expression, at = _hole(text, found.start(), at, quote, language, depth)
        if constant is None:
            _add(pieces, plain, expression)
        else:
            plain.append(constant)
    return _whole(pieces, plain, open_end=True), size


def _braced_escape(text: str, at: int, mark: str) -> int:
    """Return where an escape ends whose number stands in braces: its letter is not read."""
    if mark in ("\\u", "\\x", "\\N", "\\U") and text[at : at + 1] == "{":
        end = text.find("}", at, at + 40)
        return end + 1 if end >= 0 else at
    return at


def _escaped(mark: str, *, raw: str) -> str | None:
    """Return what an escape stands for, None where that is not known (it is a hole then)."""
    letter = mark[1:]
    if raw == "all":
        return mark
    if letter == "\n":
        return ""
    if len(letter) > 1:
        return chr(int(letter[1:], 16))
    if raw == "quotes":
        return letter if letter in "\\'" else mark
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    return letter if not letter.isalnum() else None


def _hole(text: str, start: int, at: int, quote: Quote, language: Language, depth: int) -> tuple[str, int]:
    """Return the expression of the hole that begins at ``start`` (its mark ends at ``at``), and where it ends."""
    if text[at - 1] not in "{(":
        return text[start:at].lstrip("$#@{")[:_EXPRESSION], at
    end = _closed(text, at, text[at - 1], quote, language, depth)
    inside = text[at : max(at, end - 1)]
    if quote.specified and len(inside) <= 4 * _EXPRESSION:
        inside = _SPECIFIED.sub("", inside, count=1)
    return inside.strip()[:_EXPRESSION], end


def _closed(text: str, at: int, opened: str, quote: Quote, language: Language, depth: int) -> int:
    """Return where the brackets of a hole are closed; strings within are passed over."""
    level, size = 1, len(text)
    while at < size:
        found = language.within.search(text, at)
        if found is None:
            return size
        at, mark = found.end(), found[0]
        if mark == "\n":
            if not quote.lines:
                return found.start()
        elif mark in "{(":
            level += mark == opened
        elif mark in "})":
            level -= mark == ("}" if opened == "{" else ")")
            if not level:
                return at
        elif depth < _DEEPEST and mark in language.quotes:
            _, at = string(text, at, language.quotes[mark], language, depth + 1)
        elif depth >= _DEEPEST:
            return size
    return size


def _add(pieces: list[str | Hole], plain: list[str], expression: str) -> None:
    constant = "".join(plain)
    plain.clear()
    if constant:
        pieces.append(constant)
    pieces.append(Hole(expression))


def _whole(pieces: list[str | Hole], plain: list[str], *, open_end: bool = False) -> Pieces:
    constant = "".join(plain)
    if constant:
        pieces.append(constant)
    if open_end:
        pieces.append(Hole(""))
    return tuple(pieces)
