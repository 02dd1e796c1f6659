"""Scrubbing without its searches for what could change: every string with a part of a name is read, by every step.

It is how bytes that are no strict JSON are scrubbed, with each step of scrubbing text as well.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.normalise.scrubbing import bodies, prose, search
from app.normalise.scrubbing.linear import Span


@contextmanager
def whole() -> Iterator[None]:
    """Scrub without searches inside of the block."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("find_named", "find_shape", "find_named_or_shape"):
            patch.setattr(prose, name, _everywhere)
        patch.setattr(search, "find_changeable", None)
        patch.setattr(search, "is_strict", _never)
        forget()
        yield
    forget()


def forget() -> None:
    """Empty what scrubbing remembers of strings, so that one way of scrubbing does not answer for the other."""
    for remembered in (bodies.known_key, bodies.known_value, bodies.known_long_value):
        remembered.cache_clear()


def _everywhere(text: bytes, at: int) -> Span | None:
    return at, len(text)


def _never(_payload: bytes) -> bool:
    return False
