"""Thin typed adapter of google-re2, which searches in time linear in the input, whatever pattern and input."""

from collections.abc import Callable
from functools import partial
from typing import Final

import re2

Span = tuple[int, int]
Search = Callable[[bytes, int], Span | None]
Spans = Callable[[bytes, int, int], list[Span]]

NOTHING: Final = -1
"""The start of a span without a match."""


def escape(text: bytes) -> str:
    """Return the pattern of exactly this text."""
    return str(re2.escape(text.decode()))


def spans(pattern: str) -> Spans:
    """Compile a pattern over bytes; return the function (text, start, end) → list of the span of the first match.

    It is the engine's internal call: the public ones build objects that cost more than the search.
    """
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # one byte is one character: bad UTF-8 hides nothing
    options.max_mem = 32 << 20  # the automaton's cache; alternations over bytes outgrow the 8 MiB default on odd input
    match = re2.compile(pattern.encode(), options)._regexp.Match  # noqa: SLF001  see above
    return partial(match, re2._Anchor.UNANCHORED)  # noqa: SLF001  the argument of that call


def search(pattern: str) -> Search:
    """Compile a pattern over bytes; return the function (text, start) → span of the first match, or None."""
    match = spans(pattern)

    def find(text: bytes, at: int) -> Span | None:
        [span] = match(text, at, len(text))
        return None if span[0] == NOTHING else span

    return find
