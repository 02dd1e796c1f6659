"""Chooses which of a source's newest, still small objects to merge next: size-tiered compaction. Pure.

Each batch is durable as an object of its own before it is acknowledged. ``FAN`` objects of one tier are merged into one
of the next, so that a byte is copied once a tier (log8 of object size over batch size: about five times in all) and a
source has fewer than ``FAN * (tier(limit) + 2)`` small objects, whatever the sizes of its batches.
"""

from collections.abc import Sequence
from typing import Final

FAN: Final = 8
"""Objects of a tier that are merged: with fewer a byte is copied more often, with more there are more small objects."""

SMALLEST: Final = 4096
"""Bytes; tier 0 are the objects below ``FAN`` times this."""


def tier(nbytes: int) -> int:
    """Return the tier of a size: 0 below 32 KiB, one more for each factor of eight."""
    return (max(nbytes // SMALLEST, 1).bit_length() - 1) // 3


def choose(sizes: Sequence[int], limit: int) -> range | None:
    """Return the indices of the objects to merge, None for none.

    ``sizes`` are oldest first, in bytes, each below ``limit``. A run ends early when its sum reaches ``limit``, so that
    a merged object stays below twice the limit.
    """
    for level in range(tier(limit) + 1):
        start = len(sizes)
        while start and tier(sizes[start - 1]) <= level:
            start -= 1
        full = sum(tier(size) == level for size in sizes[start:]) >= FAN
        if full or len(sizes) - start >= FAN * (level + 2):  # many of smaller tiers, stuck between larger objects
            return _cut(sizes, start, limit)
    return None


def _cut(sizes: Sequence[int], start: int, limit: int) -> range:
    total, end = 0, start
    while end < len(sizes) and total < limit:
        total += sizes[end]
        end += 1
    return range(start, end)
