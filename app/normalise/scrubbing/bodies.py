"""Scrubs the bodies of JSON strings; results are cached, since keys and lines of code recur in every report."""

import re
from functools import lru_cache
from typing import Final

from app.normalise.scrubbing.cards import FILTERED
from app.normalise.scrubbing.names import counts, is_secret
from app.normalise.scrubbing.prose import without_secrets
from app.normalise.scrubbing.spans import escaped, unescaped

_REMEMBERED: Final = 4096
"""Cached bodies; of at most LONGEST bytes each, about 4 MiB a process."""

LONGEST: Final = 384
_REMEMBERED_LONG: Final = 256
"""Cached values of more than LONGEST and at most _LONGEST_VALUE bytes, such as licences: about 2 MiB a process."""
_LONGEST_VALUE: Final = 4096
_NAME: Final = re.compile(rb"-{0,2}[\w.$ -]{2,64}")


def judged_key(body: bytes) -> tuple[bool, bool]:
    """Return whether a key (its body, still escaped) names a secret, and whether a number under it can be one."""
    return known_key(body) if len(body) <= LONGEST else _key(body)


def _key(body: bytes) -> tuple[bool, bool]:
    text = unescaped(body)
    name = body if text is None else text
    return is_secret(name), not counts(name)


def judged_value(body: bytes) -> tuple[bytes | None, bool]:
    """Return a value's body without secrets (None where it has none), and whether the value is a secret's name."""
    if len(body) <= LONGEST:
        return known_value(body)
    return known_long_value(body) if len(body) <= _LONGEST_VALUE else _value(body)


def _value(body: bytes) -> tuple[bytes | None, bool]:
    text = unescaped(body)
    named = _NAME.fullmatch(body) is not None and is_secret(body)
    scrubbed = without_secrets(body if text is None else text)
    if scrubbed == (body if text is None else text):
        return None, named
    return FILTERED if text is None else escaped(scrubbed, body), named


known_key: Final = lru_cache(_REMEMBERED)(_key)
known_long_value: Final = lru_cache(_REMEMBERED_LONG)(_value)
known_value: Final = lru_cache(_REMEMBERED)(_value)
"""``judged_key`` and ``judged_value`` for bodies of at most LONGEST bytes, without a call: the most frequent steps."""
