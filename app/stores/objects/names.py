"""Names that an object may have on every store: what a folder, a bucket and an address all take."""

import re
from typing import Final

_NAME: Final = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,200}(/(?!\.)[A-Za-z0-9._-]{1,200}){0,15}", re.ASCII)
_PREFIX: Final = re.compile(r"(?!/)[A-Za-z0-9._/-]*", re.ASCII)


class BadName(ValueError):
    """A name that no object can have: it would leave the store, or not be the same on every one."""


def is_name(name: str) -> bool:
    """Tell whether an object can have this name."""
    return _NAME.fullmatch(name) is not None


def checked_name(name: str) -> str:
    """Give the name back. Raises BadName."""
    if not is_name(name):
        raise BadName(f"no name of an object: {name!r}")
    return name


def checked_prefix(prefix: str) -> str:
    """Give what names may start with back; it may be empty. Raises BadName."""
    if not _PREFIX.fullmatch(prefix) or ".." in prefix:
        raise BadName(f"no prefix of an object: {prefix!r}")
    return prefix
