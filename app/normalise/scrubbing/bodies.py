"""What becomes of the bodies of JSON strings; remembered, since keys and lines of code come again in every report."""

from functools import lru_cache
from typing import Final

from app.normalise.scrubbing.cards import FILTERED
from app.normalise.scrubbing.names import is_secret
from app.normalise.scrubbing.prose import without_secrets
from app.normalise.scrubbing.spans import escaped, unescaped

_REMEMBERED: Final = 4096
"""Bodies in memory; with the length below at most about 4 MiB a process."""

_LONGEST: Final = 384


def key_is_secret(body: bytes) -> bool:
    """Tell whether the key with this body, escapes still on, names a secret."""
    text = unescaped(body)
    return is_secret(body if text is None else text)


def scrubbed_body(body: bytes) -> bytes | None:
    """Give the body of a string value without its secrets, escapes on, None where it has none."""
    return _known_value(body) if len(body) <= _LONGEST else _value(body)


def _value(body: bytes) -> bytes | None:
    text = unescaped(body)
    if text is None:
        return FILTERED if without_secrets(body) != body else None
    scrubbed = without_secrets(text)
    return None if scrubbed == text else escaped(scrubbed, body)


_known_value: Final = lru_cache(_REMEMBERED)(_value)
