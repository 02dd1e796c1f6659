"""Ranges of time: half-open, rounded outward to stored windows, and cut into the largest windows that fit (API.md)."""

from collections.abc import Sequence
from typing import NamedTuple

from app.cells import MINUTE, SIZES


class Piece(NamedTuple):
    """The windows of one size that start in [start, end), all in seconds."""

    size: int
    start: int
    end: int


def outward(start: int, end: int, size: int = MINUTE) -> tuple[int, int]:
    """Round a range in seconds outward to windows of ``size`` seconds."""
    return start - start % size, end + -end % size


def cover(start: int, end: int, sizes: Sequence[int] = SIZES) -> list[Piece]:
    """Cut a range (s) into whole windows, the largest where it covers them; ends are rounded to the smallest."""
    size, smaller = sizes[-1], sizes[:-1]
    if not smaller:
        low, high = outward(start, end, size)
        return [Piece(size, low, high)] if low < high else []
    low, high = start + -start % size, end - end % size
    if low >= high:
        return cover(start, end, smaller)
    return [*cover(start, low, smaller), Piece(size, low, high), *cover(high, end, smaller)]


def sizes_of(pieces: Sequence[Piece]) -> list[int]:
    """Give the sizes of window that a cover uses, in seconds, smallest first."""
    return sorted({piece.size for piece in pieces})


def columns(pieces: Sequence[Piece]) -> tuple[list[int], list[int], list[int]]:
    """Give the pieces as one array a field, as PostgreSQL takes them."""
    return [p.size for p in pieces], [p.start for p in pieces], [p.end for p in pieces]
