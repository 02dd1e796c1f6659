"""The names of archive objects: ``1.crashes/0003/0000000000000000123-0000000000000000999.flt``.

A name holds source, first and last offset: the listing alone tells what the archive contains, and two writers that cut
batches differently never overwrite each other's objects (EXACTNESS.md, "Archive"). Numbers are padded, so that names
sort by offset.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from app.topics import Source

_NAME: Final = re.compile(r"(\d+\.[a-z-]+)/(\d{4,})/(\d{19})-(\d{19})\.flt", re.ASCII)


class OffsetSpan(NamedTuple):
    """The offsets that an object covers, inclusive; those of duplicates and refusals have no report."""

    first: int
    last: int


def name_of(source: Source, span: OffsetSpan) -> str:
    """Return the name of a source's object that covers a span; names sort as (partition, first, last)."""
    return f"{prefix_of(source)}{span.first:019d}-{span.last:019d}.flt"


def prefix_of(source: Source) -> str:
    """Return the prefix of the names of a source's objects."""
    return f"{source.topic}/{source.partition:04d}/"


def parse_name(name: str) -> tuple[Source, OffsetSpan] | None:
    """Return the source and span in a name, None for an object that is not the archive's."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    span = OffsetSpan(int(match[3]), int(match[4]))
    source = Source(match[1], int(match[2]))
    return (source, span) if span.first <= span.last and name == name_of(source, span) else None


def without_contained(spans: Iterable[OffsetSpan]) -> list[OffsetSpan]:
    """Return the spans that a reader needs, by (first, -last): each that ends beyond all before it."""
    needed: list[OffsetSpan] = []
    for span in sorted(set(spans), key=lambda span: (span.first, -span.last)):
        if not needed or span.last > needed[-1].last:
            needed.append(span)
    return needed
