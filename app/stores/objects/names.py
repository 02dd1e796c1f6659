"""Names that an object may have on every store: valid as a path, as a key of S3 and in a URL."""

import re
from typing import Final

_NAME: Final = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,200}(/(?!\.)[A-Za-z0-9._-]{1,200}){0,15}", re.ASCII)
"""At most 16 parts of at most 200 characters (file systems take 255 bytes, S3 1024 in all); no part begins with a dot,
so that no name leaves the folder and hidden files are never objects."""

_PREFIX: Final = re.compile(r"(?!/)[A-Za-z0-9._/-]*", re.ASCII)


class BadName(ValueError):
    """A name that no object can have: it would leave the store, or differ between stores."""


def is_name(name: str) -> bool:
    """Return whether an object can have this name."""
    return _NAME.fullmatch(name) is not None


def checked_name(name: str) -> str:
    """Return the name. Raises BadName."""
    if not is_name(name):
        raise BadName(f"expected a name of an object, received {name!r}")
    return name


def checked_prefix(prefix: str) -> str:
    """Return the prefix of names, which may be empty. Raises BadName."""
    if not _PREFIX.fullmatch(prefix) or ".." in prefix:
        raise BadName(f"expected a prefix of names, received {prefix!r}")
    return prefix
