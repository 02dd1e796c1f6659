"""The order of releases by name: numbers as numbers, a pre-release before its release. Pure."""

import re
from typing import Final

_PART: Final = re.compile(r"[0-9]{1,18}|[^0-9]+")
"""18 digits, so that a number of any length is compared in linear time."""

_PRE_RELEASE: Final = re.compile(r"[-~]|[._]?(?:a|b|c|rc|alpha|beta|dev|pre|preview|snapshot)[._-]?\Z", re.IGNORECASE)
"""What marks a pre-release after a number: the signs of Semantic Versioning and Debian, the words of PEP 440."""

NameKey = list[tuple[int, int, str]]

_PRE, _END, _TEXT, _NUMBER = range(4)


def name_key(name: str) -> NameKey:
    """Return the sort key of a release's name: 1.10.0 comes after 1.9.0, and 1.10.0 after 1.10.0-rc.2."""
    parts, after_number = [], False
    for part in _PART.findall(name):
        is_number = "0" <= part[0] <= "9"
        if is_number:
            parts.append((_NUMBER, int(part), ""))
        else:
            parts.append((_PRE if after_number and _PRE_RELEASE.match(part) else _TEXT, 0, part))
        after_number = is_number
    return [*parts, (_END, 0, "")]


def age_key(first_seen: int, name: str) -> tuple[int, NameKey]:
    """Return the sort key of a release's age: time first seen (ms), then name.

    ``first_seen`` is the start of a window, so that releases of one window are ordered by name.
    """
    return first_seen, name_key(name)
