"""Removes card numbers: digits, in one piece or grouped, of a network's prefix and length, valid by Luhn."""

import re
from typing import Final

from app.normalise.scrubbing import rules_v1 as rules

FILTERED: Final = b"[Filtered]"

_NUMBER: Final = re.compile(
    rb"(?<![0-9A-Za-z])(?<![0-9]\.)"
    rb"(?:[2-6][0-9]{12,18}|[2-6][0-9]{3}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{1,7}|3[0-9]{3}([ -])[0-9]{6}\2[0-9]{4,5})"
    rb"(?![0-9A-Za-z])"
)
_GAPS: Final = bytes.maketrans(b"", b"")


def without_cards(text: bytes) -> bytes:
    """Return a text with [Filtered] for each card number."""
    return _NUMBER.sub(_masked, text)


def is_card(digits: bytes) -> bool:
    """Return whether these digits are a card number."""
    text = digits.decode("ascii")
    return any(text.startswith(prefix) and len(text) in lengths for prefix, lengths in rules.CARDS) and _luhn(text)


def _masked(match: re.Match[bytes]) -> bytes:
    return FILTERED if is_card(match[0].translate(_GAPS, b" -")) else match[0]


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    return (sum(int(digit) for digit in digits[-1::-2]) + sum(n - 9 if n > 9 else n for n in doubled)) % 10 == 0  # noqa: PLR2004  sum of digits
