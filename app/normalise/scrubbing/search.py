"""Finds the places of a payload that ``walk`` reads.

``find_spots`` finds every part of a secret's name, in any bytes; most of these are words of code and prose.
``find_changeable`` finds only what could change, in strict JSON. To prove that a payload is strict is worth its time at
once where it takes as long as a reading or two, else after some strings were read for nothing.
"""

from typing import Final

import msgspec

from app.normalise.scrubbing.spans import opening_quote
from app.normalise.scrubbing.spots import find_changeable, find_spots
from app.normalise.scrubbing.walk import LOOK_BACK, NAMING_KEYS, Walk

_TINY, _SMALL = 2048, 8192
"""Bytes of payloads: a small one is proved strict at once, a tiny one after one string was read for nothing."""

_BYTES_A_READING: Final = 2700
"""Bytes that are proved strict in the time of reading one string that is remembered, about 1.2 us."""

_NAMING_LENGTH: Final = 1 + max(map(len, NAMING_KEYS))
"""Bytes at the end of a key that may say, after a backslash, that a name follows."""

_NAMING_ENDS: Final = frozenset(part[-2] for key in NAMING_KEYS for part in (key, key.upper()))
"""The last letters of such keys."""

_FAR: Final = 400
"""Bytes without a match that are rather searched again than looked through for the start of a string."""

_INSIDE: Final = frozenset(b"_abcdegijlmopqrstuvwxyzABCDEGIJLMOPQRSTUVWXYZ")
"""Bytes with which a match of ``find_changeable`` starts inside of the string that could change; one that starts with
another letter may start in the key before it."""

_strict: Final = msgspec.json.Decoder(msgspec.Raw)


def scrubbed(payload: bytes) -> bytes:
    """Return the payload without secrets, the same object where it has none."""
    walk, size, searched, wasted, may_be_strict = Walk(payload), len(payload), 0, 0, True
    edits = walk.edits
    while True:
        start, end = find_spots(payload, searched, size)[0]
        if start < 0:
            break
        if may_be_strict and wasted * _BYTES_A_READING >= size - _SMALL and (wasted or size > _TINY):
            if is_strict(payload):
                _search_strict(walk, searched, start)
                break
            may_be_strict = False
        before = len(edits)
        searched = walk.read(start, end)
        wasted += len(edits) == before
    return walk.result() if edits else payload


def is_strict(payload: bytes) -> bool:
    """Return whether bytes are JSON as RFC 8259 has it, but for the encoding inside strings."""
    try:
        _strict.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _search_strict(walk: Walk, searched: int, spot: int) -> None:
    """Read what could change in the rest of strict JSON.

    Args:
        walk: The walk over the payload.
        searched: A position outside of strings up to which all is scrubbed.
        spot: The start of the first match of ``find_spots`` from there on.
    """
    payload, size = walk.payload, len(walk.payload)
    near = max(0, (searched if spot - searched < _FAR else opening_quote(payload, spot, searched)) - LOOK_BACK)
    while True:
        start = find_changeable(payload, near, size)[0][0]
        if start < 0:
            return
        end = start + 1
        if start < searched or payload[start] not in _INSIDE:
            start, end = find_spots(payload, max(start, searched), size)[0]
            if start < 0:
                return
        searched = near = walk.read(start, end)
        if payload[searched - 2] in _NAMING_ENDS and b"\\" in payload[max(0, searched - _NAMING_LENGTH) : searched]:
            near = max(0, searched - _NAMING_LENGTH)
