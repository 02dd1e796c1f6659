"""A source record on its way into an agent: its facts, or the code of why it has none."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from app.log.contract import Record
from app.model import Facts
from app.topics import identity

KEY_BYTES: Final = 16

Read = tuple[Record, Facts]
"""A record that could be read, with its facts."""


class UnknownProject(Exception):
    """A record of a project that does not exist."""


def key_of(record: Record, event_id: str, project: int) -> bytes:
    """Return the 16 bytes that stand for an event or a session: the record's key, which picked its partition."""
    key = record.key
    return key if key is not None and len(key) == KEY_BYTES else identity(project, event_id)


def keys_of(read: Iterable[Read]) -> list[bytes]:
    """Return the keys of a batch's events that may be duplicates of others."""
    return [
        key_of(record, facts.event_id, facts.project)
        for record, facts in read
        if facts.unique and facts.kind != "refused"
    ]


def user_of(secrets: Mapping[int, bytes], project: int, identity: str) -> int | None:
    """Return the hash of a user's identity, None for ''. Raises UnknownProject for a project without a secret."""
    secret = secrets.get(project)
    if secret is None:
        raise UnknownProject
    return _user_hash(secret, identity) if identity else None


def user_hash(secret: bytes, identity: str) -> int:
    """Return the 64-bit hash of a user's identity (or a session's ``did``) in its project; one namespace for both."""
    digest = blake2b(identity.encode("utf-8", "replace"), digest_size=8, key=secret[:64]).digest()
    return int.from_bytes(digest, "big")


_user_hash = lru_cache(16_384)(user_hash)
