"""Thin typed adapter of google-re2: substitution in time linear in the input, whatever the pattern and the input."""

from collections.abc import Callable
from typing import Final, Protocol

import re2


class Match(Protocol):
    """The part of re2's match that is used."""

    lastgroup: str | None
    """The name of the last group that matched: of an alternation of named groups, the alternative."""
    string: str

    def group(self, group: int | str = 0) -> str:
        """Give the text of a group."""

    def start(self, group: int | str = 0) -> int:
        """Give where a group starts."""


class Pattern:
    """One compiled pattern over text (RE2 syntax: no look-around, no back-references)."""

    def __init__(self, pattern: str) -> None:
        """Compile; raises ``re2.error`` for what is no pattern."""
        self._compiled: Final = re2.compile(pattern)

    def sub(self, replace: Callable[[Match], str] | str, text: str) -> str:
        """Give the text with each match, from left to right, replaced."""
        result: str = self._compiled.sub(replace, text)
        return result

    def match(self, text: str) -> Match | None:
        """Give the match at the start of the text, None where there is none."""
        found: Match | None = self._compiled.match(text)
        return found
