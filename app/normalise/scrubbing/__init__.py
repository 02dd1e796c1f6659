"""Removes secrets from payloads, by versioned lists. Pure, idempotent, in linear time."""

from collections.abc import Callable, Mapping
from typing import Final

import orjson

from app.normalise.scrubbing.prose import without_secrets
from app.normalise.scrubbing.search import scrubbed
from app.records import UnknownSchema

VERSIONS: Final[Mapping[int, Callable[[bytes], bytes]]] = {1: scrubbed}
"""By the number that a record's facts hold. A version is never removed: replays obey it."""


def scrub(payload: bytes, version: int) -> bytes:
    """Return the JSON payload with each secret's value as ``[Filtered]``, all other bytes as sent.

    Without a secret in it the same object is returned. NaN, bad UTF-8 and deep nesting need no special case, since
    only spans are read.

    Raises:
        UnknownSchema: A version of the list that this code does not know: an older worker must stop.
    """
    rules = VERSIONS.get(version)
    if rules is None:
        raise UnknownSchema("scrub rules", version, VERSIONS)
    return rules(payload)


def scrub_text(payload: bytes) -> bytes:
    """Return any bytes, JSON or not, with each secret that text reveals as ``[Filtered]``.

    Broken JSON is first scrubbed like valid JSON, then scrubbed as text.
    """
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError:
        return without_secrets(scrubbed(payload))
    return scrubbed(payload)
