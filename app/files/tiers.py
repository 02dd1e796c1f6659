"""Which of the last, still small objects of a source to merge next (size tiers, as log-structured stores do).

Each batch is durable as an object of its own before it is acknowledged. Eight objects of one tier become one of the
next, so that a byte is copied once a tier (log8 of object size over batch size: about five times in all) and a source
keeps fewer than ``FAN * (tier(limit) + 2)`` small objects however its batches come.
"""

from collections.abc import Sequence
from typing import Final

FAN: Final = 8
SMALLEST: Final = 4096
"""Bytes; tier 0 is what is below ``FAN`` times this."""


def tier(nbytes: int) -> int:
    """Give the tier of a size: 0 below 32 KiB, one more for each factor of eight."""
    return (max(nbytes // SMALLEST, 1).bit_length() - 1) // 3


def choose(sizes: Sequence[int], limit: int) -> range | None:
    """Give the run of objects to merge, None for none; ``sizes`` are oldest first, each below ``limit`` bytes.

    A run ends early when it reaches ``limit``: merged objects stay below twice the limit.
    """
    for level in range(tier(limit) + 1):
        start = len(sizes)
        while start and tier(sizes[start - 1]) <= level:
            start -= 1
        full = sum(tier(size) == level for size in sizes[start:]) >= FAN
        if full or len(sizes) - start >= FAN * (level + 2):  # many smaller ones, held up between larger ones
            return _cut(sizes, start, limit)
    return None


def _cut(sizes: Sequence[int], start: int, limit: int) -> range:
    total, end = 0, start
    while end < len(sizes) and total < limit:
        total += sizes[end]
        end += 1
    return range(start, end)
