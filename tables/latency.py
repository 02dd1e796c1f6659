"""Latencies as counts by logarithmic buckets: any quantile within 1 %, and the sum of two sketches is their union.

The mapping is that of DDSketch (Masson, Rim and Lee, VLDB 2019): the tops of buckets grow by a fixed factor, so that
one value stands for a bucket with a bounded relative error. Counts add up whatever the order, so equal durations give
equal bytes. The tops are made by multiplication alone, which every machine rounds alike; a logarithm is not.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, repeat, takewhile
from typing import Final

import msgspec

ACCURACY: Final = 0.01
"""The greatest relative error of a quantile between the two limits below."""

LEAST: Final = 0.01
"""ms; what is not above it is in the lowest bucket and reads 0."""

MOST: Final = 3_600_000.0
"""ms; what is above it counts as it: an hour."""

EMPTY: Final = b""

_GAMMA: Final = (1 + ACCURACY) / (1 - ACCURACY)
_TOPS: Final = tuple(
    takewhile(lambda top: top < MOST * _GAMMA, accumulate(repeat(_GAMMA), float.__mul__, initial=LEAST))
)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[int, int]).decode


def bucket(ms: float) -> int:
    """Return the bucket of a duration in ms, 0 for the lowest."""
    return bisect_left(_TOPS, min(ms, MOST))


def value(of: int) -> float:
    """Return the duration in ms that stands for a bucket."""
    return 2 * _TOPS[of] / (_GAMMA + 1) if of else 0.0


def add(sketch: bytes, buckets: Iterable[int]) -> bytes:
    """Count one duration for each bucket given and return the new sketch."""
    counts = counts_of(sketch)
    for each in buckets:
        counts[each] = counts.get(each, 0) + 1
    return _encode(dict(sorted(counts.items())))


def union(sketches: Iterable[bytes]) -> bytes:
    """Return the sketch of all the durations in these."""
    sums: dict[int, int] = {}
    for sketch in sketches:
        for each, count in counts_of(sketch).items():
            sums[each] = sums.get(each, 0) + count
    return _encode(dict(sorted(sums.items()))) if sums else EMPTY


def counts_of(sketch: bytes) -> dict[int, int]:
    """Return how many durations fell into each bucket."""
    return _decode(sketch) if sketch else {}


def percentiles(counts: Mapping[int, int], shares: Sequence[int]) -> list[float]:
    """Return for each share, in percent, the duration in ms at rank share * (count - 1), rounded down, by bucket counts.

    Raises ValueError where nothing was counted.
    """
    ordered = sorted(counts.items())
    if not ordered:
        raise ValueError("no durations")
    upto = list(accumulate(count for _, count in ordered))
    ranks = (share * (upto[-1] - 1) // 100 for share in shares)
    return [value(ordered[bisect_left(upto, rank + 1)][0]) for rank in ranks]
