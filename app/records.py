"""The records that Faultline itself writes: their shapes, schema versions and bytes.

``processed`` and ``deltas`` are msgpack, ``facts`` and dead letters JSON. A reader refuses a schema it does not know.
"""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from app.model import Address, Category, Facts, Outcome
from app.topics import CRASHES, FACTS, TIMINGS

SCHEMA: Final = 1
FACTS_SCHEMA: Final = 2
"""2 since facts carry a normalisation: a worker that does not know it would count by the wrong one."""


GROUPINGS: Final = frozenset({"g1"})
NORMALISATIONS: Final = frozenset({"n1", "n2"})
RULES: Final = 1
"""The newest version of scrub list and project rules that this code knows."""

UNATTRIBUTED: Final = 0
"""The project of a record whose facts cannot be read."""

_CATEGORIES: Final[dict[str, Category]] = {CRASHES: "error", TIMINGS: "timing"}


class UnknownSchema(Exception):
    """A record of a schema version that this code does not know: an older worker must stop, not guess."""


class Unreadable(Exception):
    """A record that no agent can read, whatever is tried: it goes to dead letters with ``code``."""

    def __init__(self, code: str, error: str) -> None:
        """Take a short stable code and the class of what went wrong (no text of the record)."""
        super().__init__(code)
        self.code = code
        self.error = error


class EventSummary(msgspec.Struct, frozen=True, array_like=True):
    """The searchable fields of one grouped event, without its payload."""

    offset: int
    event_id: str
    project: int
    received: int
    time: int
    group: str
    title: str
    culprit: str
    level: str
    platform: str
    release: str
    environment: str
    user: str
    """The user's identity as text ('' for none)."""
    unhandled: bool
    server: str
    url: str
    sdk: str
    tags: dict[str, str]
    text: str
    """Types, messages, functions, files: what free text search looks at, at most 8 KiB."""


class Stored(msgspec.Struct, frozen=True, array_like=True):
    """One report as it is kept: where it was in its source partition, the facts of ingest, the scrubbed payload."""

    offset: int
    facts: Facts
    payload: bytes


class Block(msgspec.Struct, frozen=True, array_like=True):
    """Reports ``first``..``last`` of one source partition, zstd over msgpack of ``list[Stored]``; never cut again."""

    first: int
    last: int
    count: int
    data: bytes


class Processed(msgspec.Struct, frozen=True, array_like=True):
    """One batch of a source partition after its agent: the span of offsets it covers, reports and findings.

    ``first..last`` are all offsets read (inclusive; duplicates, refusals and dead letters among them).
    """

    schema: int
    topic: str
    partition: int
    first: int
    last: int
    received: int
    """The greatest received time in the span."""
    summaries: list[EventSummary]
    blocks: list[Block]


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """What one source offset adds: counts by metric name; by sketch name an 8-byte user hash, of timings a bucket."""

    offset: int
    counts: dict[str, int]
    users: dict[str, int] = {}


class GroupFacts(msgspec.Struct, frozen=True, array_like=True):
    """What the group's row is made of, from the entries of one delta that fell into it."""

    title: str
    culprit: str
    platform: str
    level: str
    type: str
    first_seen: int
    last_seen: int
    unhandled: bool
    release: str
    sample_event: str
    """Event id of the entry with the least offset here; with ``sample_offset`` its address."""
    sample_offset: int
    grouping: str


class Delta(msgspec.Struct, frozen=True, array_like=True):
    """One batch of one source partition for one partition of ``deltas`` (EXACTNESS.md, "Deltas").

    ``cells`` maps a cell key (``app.cells``) to window (size in s, start in s) to indices into ``entries``; an entry
    whose counts differ by cell stands once for each. ``first > last`` is an empty span: only the watermark moves.
    """

    schema: int
    topic: str
    partition: int
    first: int
    last: int
    received: int
    """The greatest received time up to ``last``, for the watermark."""
    entries: list[Entry]
    cells: dict[str, list[tuple[int, int, list[int]]]]
    groups: dict[str, GroupFacts]
    """By cell key of a (project, group) cell that lives on this partition."""


class DeadLetter(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record that can never work: why, where it was, and its bytes, text-scrubbed, for replay by hand."""

    schema: int
    code: str
    error: str
    role: str
    address: Address
    project: int
    category: Category
    received: int
    excerpt: str = ""
    """The start of the scrubbed payload, at most 4 KiB."""


class LedgerCount(msgspec.Struct, frozen=True):
    """One outcome with its quantity, as agents add it to a ledger cell."""

    category: Category
    outcome: Outcome
    quantity: int


class _Versioned(msgspec.Struct):
    schema: int = 1


_versioned = msgspec.json.Decoder(_Versioned)
_facts = msgspec.json.Decoder(Facts)
_processed = msgspec.msgpack.Decoder(Processed)
_delta = msgspec.msgpack.Decoder(Delta)
_stored = msgspec.msgpack.Decoder(list[Stored])
_msgpack = msgspec.msgpack.Encoder()
_json = msgspec.json.Encoder()

encode_facts = _json.encode
encode_dead_letter = _json.encode
decode_dead_letter = msgspec.json.Decoder(DeadLetter).decode
encode_processed = _msgpack.encode
encode_delta = _msgpack.encode
encode_stored = _msgpack.encode
decode_stored = _stored.decode


def decode_facts(data: bytes) -> Facts:
    """Read the facts header. Raises ``msgspec.DecodeError`` for what is none, UnknownSchema for a newer one."""
    facts = _facts.decode(data)
    _check(facts.schema, FACTS_SCHEMA)
    return facts


def decode_processed(data: bytes) -> Processed:
    """Read a ``processed`` record; its blocks stay bytes."""
    processed = _processed.decode(data)
    _check(processed.schema)
    return processed


def decode_delta(data: bytes) -> Delta:
    """Read a ``deltas`` record."""
    delta = _delta.decode(data)
    _check(delta.schema)
    return delta


def _check(schema: int, newest: int = SCHEMA) -> None:
    if not 1 <= schema <= newest:
        raise UnknownSchema(f"a record of schema {schema}; this version knows {newest}: upgrade the worker first")


def facts_of(headers: Mapping[str, bytes], kinds: Collection[str]) -> Facts:
    """Read what ingest knew of a record from its headers.

    Raises Unreadable for a record without readable facts or of a kind that does not belong on its topic, UnknownSchema
    for one that a newer ingest wrote (schema, rules or grouping): an older worker stops instead of guessing.
    """
    header = headers.get(FACTS)
    if header is None:
        raise Unreadable("no_facts", "KeyError")
    try:
        facts = decode_facts(header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _refuse_newer(header)
        raise Unreadable("bad_facts", type(error).__name__) from error
    if facts.rules > RULES or facts.grouping not in GROUPINGS or facts.normalisation not in NORMALISATIONS:
        stamped = f"rules {facts.rules}, grouping {facts.grouping}, normalisation {facts.normalisation}"
        raise UnknownSchema(f"{stamped}: upgrade the worker first")
    if facts.kind not in kinds:
        raise Unreadable("unexpected_kind", "ValueError")
    return facts


def category_of(topic: str) -> Category:
    """Give the category under which what cannot be read of a topic (qualified) is counted."""
    return _CATEGORIES.get(topic.rpartition(".")[2], "session")


def _refuse_newer(header: bytes) -> None:
    try:
        schema = _versioned.decode(header).schema
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    if not 1 <= schema <= FACTS_SCHEMA:
        raise UnknownSchema(f"facts of schema {schema}: upgrade the worker first")
