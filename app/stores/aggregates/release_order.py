"""The order of releases by name: numbers as numbers, a pre-release before its release. Pure."""

import re
from typing import Final

PART: Final = re.compile(r"[0-9]{1,18}|[^0-9]+")
PRE: Final = re.compile(r"[-~]|[._]?(?:a|b|c|rc|alpha|beta|dev|pre|preview|snapshot)[._-]?\Z", re.IGNORECASE)
"""What makes what follows a pre-release: Semantic Versioning's and Debian's marks, PEP 440's words."""

Key = list[tuple[int, int, str]]

_PRE, _END, _TEXT, _NUMBER = range(4)


def natural(name: str) -> Key:
    """Give what releases are ordered by: 1.10.0 comes after 1.9.0, and 1.10.0 after 1.10.0-rc.2."""
    parts, after_number = [], False
    for part in PART.findall(name):
        is_number = "0" <= part[0] <= "9"
        if is_number:
            parts.append((_NUMBER, int(part), ""))
        else:
            parts.append((_PRE if after_number and PRE.match(part) else _TEXT, 0, part))
        after_number = is_number
    return [*parts, (_END, 0, "")]


def newest_first(first_seen: int, name: str) -> tuple[int, Key]:
    """Give the key by which releases are sorted, in reverse, to have the newest first.

    Those first seen in one window cannot be told apart by time.
    """
    return first_seen, natural(name)
