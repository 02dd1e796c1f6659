"""Unique counts: a HyperLogLog whose bytes depend on the set of hashes alone, not on the order of additions.

Up to ``EXACT`` distinct hashes a sketch is those hashes, sorted, 8 bytes each (little-endian), and its count exact.
Above that it is 2^14 registers of 6 bits. Both forms follow from the set: rebuilt sketches compare byte by byte.
Registers are packed by plain bit fields (12 KiB), not by zlib, whose output differs from version to version.

Registers and ranks: Flajolet et al., "HyperLogLog" (AofA 2007). Estimate: Ertl, "New cardinality estimation algorithms
for HyperLogLog sketches" (arXiv:1702.01284), algorithm 6: no bias tables, no switch between formulas.
"""

import math
import struct
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

EXACT: Final = 1024
"""Hashes that are kept themselves at most: 8 KiB, still less than the registers take."""

_P: Final = 14
_M: Final = 1 << _P
_Q: Final = 64 - _P
_REST: Final = (1 << _Q) - 1
_DENSE: Final = _M * 6 // 8
_ALPHA: Final = 1 / (2 * math.log(2))

# The same bits in every 16-bit, 32-bit or 8-bit lane of an integer as wide as all registers.
_LOW6: Final = int.from_bytes(b"\x3f\x00" * (_M // 2), "little")
_HIGH6: Final = int.from_bytes(b"\x00\x3f" * (_M // 2), "little")
_LOW12: Final = int.from_bytes(b"\xff\x0f\x00\x00" * (_M // 4), "little")
_HIGH12: Final = int.from_bytes(b"\x00\x00\xff\x0f" * (_M // 4), "little")
_TOP: Final = int.from_bytes(b"\x80" * _M, "little")

_FEW: Final = 256
"""Bytes of a sketch for each new hash from which on inserting hashes one by one is quicker than sorting (measured)."""

EMPTY: Final = b""


def add(sketch: bytes, hashes: Iterable[int]) -> bytes:
    """Add 64-bit hashes to a sketch and return the new one."""
    if len(sketch) == _DENSE:
        return _add_dense(bytearray(sketch), hashes)
    new = tuple(hashes)
    if len(new) > 1 + len(sketch) // _FEW:
        return _of_set({*_hashes(sketch), *new})
    for index, value in enumerate(new):
        sketch = _add_one(sketch, value)
        if len(sketch) == _DENSE:
            return _add_dense(bytearray(sketch), new[index + 1 :])
    return sketch


def size_of(count: int) -> int:
    """Return the bytes of a sketch of so many distinct hashes; near ``EXACT`` an estimate may mean the other form."""
    return 8 * count if count <= EXACT else _DENSE


def union(sketches: Iterable[bytes]) -> bytes:
    """Return the sketch of the union of the sets."""
    known: set[int] = set()
    registers = 0
    for sketch in sketches:
        if len(sketch) == _DENSE:
            registers = _greater(registers, _lanes(sketch))
        else:
            known.update(_hashes(sketch))
    if not registers:
        return _of_set(known)
    return _add_dense(bytearray(_packed(registers)), known)


def estimate(sketch: bytes) -> int:
    """Return the number of distinct hashes: exact in the small form, else within 0.8 % (one standard deviation)."""
    if len(sketch) != _DENSE:
        return len(sketch) // 8
    registers = _lanes(sketch).to_bytes(_M, "little")
    counts = _histogram(registers)
    z = _M * _tau(1 - counts[_Q + 1] / _M)
    for rank in range(_Q, 0, -1):
        z = 0.5 * (z + counts[rank])
    z += _M * _sigma(counts[0] / _M)
    return round(_ALPHA * _M * _M / z)


def _histogram(registers: bytes) -> list[int]:
    counts = [0] * (_Q + 2)
    left = _M
    for rank in range(_Q + 2):
        if not left:  # no register is greater; at any real count most ranks are empty
            break
        counts[rank] = registers.count(rank)
        left -= counts[rank]
    return counts


def _add_one(sketch: bytes, value: int) -> bytes:
    count = len(sketch) // 8
    at = bisect_left(range(count), value, key=lambda i: int.from_bytes(sketch[8 * i : 8 * i + 8], "little"))
    word = value.to_bytes(8, "little")
    if sketch[8 * at : 8 * at + 8] == word:
        return sketch
    if count == EXACT:
        return _of_set({*_hashes(sketch), value})
    return sketch[: 8 * at] + word + sketch[8 * at :]


def _add_dense(packed: bytearray, hashes: Iterable[int]) -> bytes:
    packed.append(0)  # the last register may then be read as two bytes, like the others
    for value in hashes:
        rest = value & _REST
        rank = _Q - rest.bit_length() + 1
        at, shift = divmod((value >> _Q) * 6, 8)
        word = packed[at] | packed[at + 1] << 8
        old = word >> shift & 0x3F
        if rank > old:
            word += (rank - old) << shift
            packed[at], packed[at + 1] = word & 0xFF, word >> 8
    return bytes(memoryview(packed)[:_DENSE])


def _of_set(known: set[int]) -> bytes:
    if len(known) > EXACT:
        return _add_dense(bytearray(_DENSE), known)
    return struct.pack(f"<{len(known)}Q", *sorted(known))


def _hashes(sketch: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(sketch) // 8}Q", sketch)


def _lanes(packed: bytes) -> int:
    """Return the registers spread to one a byte, as one integer, so that one operation works on all of them."""
    spread = bytearray(_M)
    for byte in range(3):
        spread[byte::4] = packed[byte::3]
    pairs = int.from_bytes(spread, "little")
    words = (pairs & _LOW12) | (pairs << 4 & _HIGH12)
    return (words & _LOW6) | (words << 2 & _HIGH6)


def _packed(lanes: int) -> bytes:
    words = (lanes & _LOW6) | (lanes & _HIGH6) >> 2
    spread = ((words & _LOW12) | (words & _HIGH12) >> 4).to_bytes(_M, "little")
    packed = bytearray(_DENSE)
    for byte in range(3):
        packed[byte::3] = spread[byte::4]
    return bytes(packed)


def _greater(left: int, right: int) -> int:
    """Return the greater of each pair of lanes: a lane's top bit survives the subtraction where left >= right."""
    survived = ((left | _TOP) - right) & _TOP
    return right ^ ((left ^ right) & (survived - (survived >> 7)))


def _sigma(x: float) -> float:
    if x == 1:
        return math.inf
    y, z = 1.0, x
    while True:
        x *= x
        before, z = z, z + x * y
        y += y
        if z == before:
            return z


def _tau(x: float) -> float:
    if x in (0, 1):
        return 0.0
    y, z = 1.0, 1 - x
    while True:
        x = math.sqrt(x)
        y *= 0.5
        before, z = z, z - (1 - x) ** 2 * y
        if z == before:
            return z / 3
