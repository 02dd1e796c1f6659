"""Ranges of time: half-open, rounded outward to stored windows, and cut into the largest windows that fit.

The rules are in API.md, "What the numbers mean".
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.cells import MINUTE, SIZES


class WindowRange(NamedTuple):
    """The windows of one size that start in [``start``, ``end``), all in seconds."""

    size: int
    start: int
    end: int


def outward(start: int, end: int, size: int = MINUTE) -> tuple[int, int]:
    """Round a range in seconds outward to windows of ``size`` seconds."""
    return start - start % size, end + -end % size


def cover(start: int, end: int, sizes: Sequence[int] = SIZES) -> list[WindowRange]:
    """Cut a range (s) into whole windows without gap or overlap, each the largest that fits.

    The ends are rounded outward to the smallest of ``sizes`` (ascending, each a multiple of the one before).
    """
    size, smaller = sizes[-1], sizes[:-1]
    if not smaller:
        low, high = outward(start, end, size)
        return [WindowRange(size, low, high)] if low < high else []
    low, high = start + -start % size, end - end % size
    if low >= high:
        return cover(start, end, smaller)
    return [*cover(start, low, smaller), WindowRange(size, low, high), *cover(high, end, smaller)]


def sizes_of(ranges: Sequence[WindowRange]) -> list[int]:
    """Return the window sizes of a cover, in seconds, smallest first."""
    return sorted({windows.size for windows in ranges})


def columns(ranges: Sequence[WindowRange]) -> tuple[list[int], list[int], list[int]]:
    """Return sizes, starts and ends as three arrays, the parameters of ``unnest``."""
    return [r.size for r in ranges], [r.start for r in ranges], [r.end for r in ranges]
