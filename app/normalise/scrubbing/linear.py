"""Thin typed adapter of google-re2: searches in time linear in the input, whatever the pattern and the input."""

from collections.abc import Callable
from typing import Final, cast

import re2

Span = tuple[int, int]
Search = Callable[[bytes, int], Span | None]

_NOTHING: Final = (-1, -1)


def search(pattern: str) -> Search:
    """Compile a pattern over bytes; the function gives the span of the first match from a position on, or None."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # one byte is one character: bad UTF-8 hides nothing
    options.max_mem = 32 << 20  # the automaton's cache; alternations over bytes outgrow the 8 MiB default on odd input
    compiled = re2.compile(pattern.encode(), options)
    match = compiled._regexp.Match  # noqa: SLF001  the public search builds objects that cost more than the search
    unanchored = re2._Anchor.UNANCHORED  # noqa: SLF001  the argument of that call

    def find(text: bytes, at: int) -> Span | None:
        span = cast("Span", match(unanchored, text, at, len(text))[0])
        return None if span == _NOTHING else span

    return find
