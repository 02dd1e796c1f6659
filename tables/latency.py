"""Durations counted by logarithmic buckets: quantiles within 1 %; the union of two sketches is their sum.

The mapping is that of DDSketch (Masson, Rim and Lee, VLDB 2019): the upper bounds of buckets grow by a fixed factor, so
that one value represents a bucket with a bounded relative error. Counts add up in any order, so equal durations give
equal bytes. The bounds are computed by multiplication alone, which every machine rounds alike, unlike a logarithm.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, repeat, takewhile
from typing import Final

import msgspec

ACCURACY: Final = 0.01
"""The greatest relative error of a quantile between the two limits below."""

LEAST: Final = 0.01
"""ms; a duration up to this is in the lowest bucket, whose value is 0."""

MOST: Final = 3_600_000.0
"""ms; an hour; a longer duration counts as this."""

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
    """Return the duration in ms that represents a bucket."""
    return 2 * _TOPS[of] / (_GAMMA + 1) if of else 0.0


def add(sketch: bytes, buckets: Iterable[int]) -> bytes:
    """Count one duration in each of these buckets and return the new sketch."""
    counts = counts_of(sketch)
    for index in buckets:
        counts[index] = counts.get(index, 0) + 1
    return _encode(dict(sorted(counts.items())))


def union(sketches: Iterable[bytes]) -> bytes:
    """Return the sketch of all durations in these sketches."""
    sums: dict[int, int] = {}
    for sketch in sketches:
        for index, count in counts_of(sketch).items():
            sums[index] = sums.get(index, 0) + count
    return _encode(dict(sorted(sums.items()))) if sums else EMPTY


def counts_of(sketch: bytes) -> dict[int, int]:
    """Return the number of durations by bucket."""
    return _decode(sketch) if sketch else {}


def percentiles(counts: Mapping[int, int], shares: Sequence[int]) -> list[float]:
    """Return for each share (%) the duration in ms at rank share * (count - 1), rounded down, by counts of buckets.

    Raises ValueError for no counts.
    """
    ordered = sorted(counts.items())
    if not ordered:
        raise ValueError("no durations")
    upto = list(accumulate(count for _, count in ordered))
    ranks = (share * (upto[-1] - 1) // 100 for share in shares)
    return [value(ordered[bisect_left(upto, rank + 1)][0]) for rank in ranks]
