"""A source record on its way into an agent: its facts, or the code of why it has none."""

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from app.log.contract import Record
from app.model import Category, Facts
from app.records import SCHEMA, UnknownSchema, decode_facts
from app.topics import CRASHES, FACTS, TIMINGS, identity
from app.users import user_hash

GROUPINGS: Final = frozenset({"g1"})
RULES: Final = 1
"""The newest version of scrub list and project rules that this code knows."""

KEY_BYTES: Final = 16

_CATEGORIES: Final[dict[str, Category]] = {CRASHES: "error", TIMINGS: "timing"}

Read = tuple[Record, Facts]
"""A record that could be read, with its facts."""

_user_hash = lru_cache(16_384)(user_hash)


class Unreadable(Exception):
    """A record that no agent can read, whatever is tried: it goes to dead letters with ``code``."""

    def __init__(self, code: str, error: str) -> None:
        """Take a short stable code and the class of what went wrong (no text of the record)."""
        super().__init__(code)
        self.code = code
        self.error = error


class _Versioned(msgspec.Struct):
    schema: int = 1


_versioned = msgspec.json.Decoder(_Versioned)


class UnknownProject(Exception):
    """A record of a project that does not exist."""


def facts_of(record: Record, kinds: Collection[str]) -> Facts:
    """Read what ingest knew of a record.

    Raises Unreadable for a record without readable facts or of a kind that does not belong on its topic, UnknownSchema
    for one that a newer ingest wrote (schema, rules or grouping): an older worker stops instead of guessing.
    """
    header = record.headers.get(FACTS)
    if header is None:
        raise Unreadable("no_facts", "KeyError")
    try:
        facts = decode_facts(header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _refuse_newer(header)
        raise Unreadable("bad_facts", type(error).__name__) from error
    if facts.rules > RULES or facts.grouping not in GROUPINGS:
        raise UnknownSchema(f"rules {facts.rules}, grouping {facts.grouping}: upgrade the worker first")
    if facts.kind not in kinds:
        raise Unreadable("unexpected_kind", "ValueError")
    return facts


def key_of(record: Record, event_id: str, project: int) -> bytes:
    """Give the 16 bytes that stand for an event or a session: the record's key, which picked its partition."""
    key = record.key
    return key if key is not None and len(key) == KEY_BYTES else identity(project, event_id)


def keys_of(read: Iterable[Read]) -> list[bytes]:
    """Give the keys of a batch's events that may be duplicates of others."""
    return [
        key_of(record, facts.event_id, facts.project)
        for record, facts in read
        if facts.unique and facts.kind != "refused"
    ]


def user_of(secrets: Mapping[int, bytes], project: int, identity: str) -> int | None:
    """Give the hash of a user's identity, None for ''. Raises UnknownProject for a project without a secret."""
    secret = secrets.get(project)
    if secret is None:
        raise UnknownProject
    return _user_hash(secret, identity) if identity else None


def category_of(topic: str) -> Category:
    """Give the category under which what cannot be read of a topic (qualified) is counted."""
    return _CATEGORIES.get(topic.rpartition(".")[2], "session")


def _refuse_newer(header: bytes) -> None:
    try:
        schema = _versioned.decode(header).schema
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    if schema != SCHEMA:
        raise UnknownSchema(f"facts of schema {schema}: upgrade the worker first")
