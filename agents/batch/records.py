"""A source record with its facts, its key, and the hash of its user."""

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from app import grouping
from app.log.contract import Record
from app.model import Facts
from app.normalise.scrubbing import VERSIONS
from app.records import facts_of
from app.topics import identity

KEY_BYTES: Final = 16

ReadRecord = tuple[Record, Facts]
"""A readable record with its facts."""


class UnknownProject(Exception):
    """The record's project does not exist."""


class UnknownRules(Exception):
    """The record's project has no such version of its rules."""


def read_facts(record: Record, kinds: Collection[str]) -> Facts:
    """Return a record's facts. Raises Unreadable, and UnknownSchema where this code lacks a version that they name."""
    return facts_of(record.headers, kinds, groupings=grouping.versions, rules=VERSIONS)


def key_of(record: Record, event_id: str, project: int) -> bytes:
    """Return the 16-byte key of an event or session: the record's own, which picked its partition, where it has one."""
    key = record.key
    return key if key is not None and len(key) == KEY_BYTES else identity(project, event_id)


def keys_of(read: Iterable[ReadRecord]) -> list[bytes]:
    """Return the keys of the batch's events that may be duplicates."""
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
    """Return the 64-bit hash of a user's identity, or of a session's ``did``, under its project's secret."""
    digest = blake2b(identity.encode("utf-8", "replace"), digest_size=8, key=secret[:64]).digest()
    return int.from_bytes(digest, "big")


_user_hash = lru_cache(16_384)(user_hash)
