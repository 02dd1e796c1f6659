"""Removes secrets from payloads, by versioned lists. Pure, idempotent, in linear time."""

from collections.abc import Mapping
from typing import Final

import orjson

from app.normalise.scrubbing.prose import without_secrets
from app.normalise.scrubbing.walk import Walk
from app.records import UnknownSchema

VERSIONS: Final[Mapping[int, type[Walk]]] = {1: Walk}
"""By the number that a record's facts hold. A version is never removed: replays obey it."""


def scrub(payload: bytes, version: int) -> bytes:
    """Return the JSON payload with each secret's value as ``[Filtered]``, all other bytes as sent.

    Without a secret in it the same object is returned. NaN, bad UTF-8 and deep nesting need no special case, since
    only spans are read.

    Raises:
        UnknownSchema: A version of the list that this code does not know: an older worker must stop.
    """
    walk = VERSIONS.get(version)
    if walk is None:
        raise UnknownSchema("scrub rules", version, VERSIONS)
    return walk(payload).run()


def scrub_text(payload: bytes) -> bytes:
    """Return any bytes, JSON or not, with each secret that text reveals as ``[Filtered]``.

    Broken JSON is first walked like valid JSON, then scrubbed as text.
    """
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError:
        return without_secrets(Walk(payload).run())
    return Walk(payload).run()
