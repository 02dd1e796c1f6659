"""The names of archive objects: ``1.crashes/0003/0000000000000000123-0000000000000000999.flt``.

A name holds its source, first and last offset, so that the listing alone tells what the archive holds, and two writers
that cut differently never overwrite each other (EXACTNESS.md, "Archive").
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from app.topics import Source

_NAME: Final = re.compile(r"(\d+\.[a-z-]+)/(\d{4,})/(\d{19})-(\d{19})\.flt", re.ASCII)


class Span(NamedTuple):
    """The offsets that an object covers, inclusive; duplicates and refusals among them have no report."""

    first: int
    last: int


def name_of(source: Source, span: Span) -> str:
    """Give the name of the object of a source that covers a span; names sort as (partition, first, last)."""
    return f"{prefix_of(source)}{span.first:019d}-{span.last:019d}.flt"


def prefix_of(source: Source) -> str:
    """Give what the names of all objects of a source start with."""
    return f"{source.topic}/{source.partition:04d}/"


def parse_name(name: str) -> tuple[Source, Span] | None:
    """Read a name back; None for a file that is not the archive's."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    span = Span(int(match[3]), int(match[4]))
    source = Source(match[1], int(match[2]))
    return (source, span) if span.first <= span.last and name == name_of(source, span) else None


def in_line(spans: Iterable[Span]) -> list[Span]:
    """Give the spans that a reader takes, in order: by (first, -last), each only if it goes beyond those before it."""
    line: list[Span] = []
    for span in sorted(set(spans), key=lambda span: (span.first, -span.last)):
        if not line or span.last > line[-1].last:
            line.append(span)
    return line
