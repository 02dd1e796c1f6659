"""The records that Faultline itself writes: their shapes, schema numbers and bytes.

``processed`` and ``deltas`` are msgpack, ``facts`` and dead letters JSON. Each kind of record has a schema number of
its own. A reader reads every number up to its own and refuses a newer one: an older worker stops instead of guessing.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import ClassVar, Final, Protocol, TypeVar

import msgspec

from app.errors import FatalError
from app.model import Address, Category, Facts, Outcome
from app.topics import CRASHES, FACTS, TIMINGS

FACTS_SCHEMA: Final = 2
"""2: facts have ``normalisation``, which is n1 in facts of schema 1."""
PROCESSED_SCHEMA: Final = 2
"""2: summaries have ``cause``, ``messages``, ``functions``, ``files`` and ``fields``, which are empty in a record of
schema 1."""
DELTA_SCHEMA: Final = 3
"""2: groups have ``cause`` and ``sights``, which are empty in a record of schema 1. 3: cells of environments exist."""
DEAD_LETTER_SCHEMA: Final = 1

UNATTRIBUTED: Final = 0
"""The project of a record whose facts cannot be read."""

_CATEGORIES: Final[dict[str, Category]] = {CRASHES: "error", TIMINGS: "timing"}


class UnknownSchema(FatalError):
    """A record of a newer version than this code reads: an older worker must stop, not guess.

    ``kind`` names what has the version, ``received`` is that version, ``known`` are the versions that this code reads.
    """

    code: ClassVar[str] = "unknown_schema"

    def __init__(self, kind: str, received: object, known: Iterable[object]) -> None:
        versions = ", ".join(map(str, known))
        super().__init__(f"{kind}: received version {received}, this version of Faultline reads {versions}: upgrade it")


def check_schema(kind: str, received: int, newest: int) -> None:
    """Raise UnknownSchema for a schema number of a kind of record that is newer than ``newest``, or none at all."""
    if not 1 <= received <= newest:
        raise UnknownSchema(f"schema of {kind}", received, range(1, newest + 1))


class Unreadable(Exception):
    """A record that no agent can ever read: it goes to dead letters.

    ``code`` is short and stable; ``error`` is the class of the error, without text of the record.
    """

    def __init__(self, code: str, error: str) -> None:
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
    """Further words: types, transaction, URL, logger, values of tags, modules. In schema 1 all words of the event are
    here. With the next three at most 8 KiB."""
    cause: str = ""
    """``Type: message`` of the exception that decided, where it is not the one of the title."""
    messages: tuple[str, ...] = ()
    """The messages of the event and of all of its exceptions, without those that the title holds."""
    functions: str = ""
    files: str = ""
    """Of the frames, the innermost first, one a line."""
    fields: dict[str, str] = {}
    """Name -> value, several one a line (``app.normalise.search_fields``)."""


class Stored(msgspec.Struct, frozen=True, array_like=True):
    """One stored report: its offset in the source partition, the facts of ingest, the scrubbed payload."""

    offset: int
    facts: Facts
    payload: bytes


class Block(msgspec.Struct, frozen=True, array_like=True):
    """Reports ``first``..``last`` of one source partition, as zstd over msgpack of ``list[Stored]``."""

    first: int
    last: int
    count: int
    data: bytes


class Processed(msgspec.Struct, frozen=True, array_like=True):
    """The result of one batch of a source partition: summaries of its events and their scrubbed reports.

    ``first..last`` is the span of all offsets read (inclusive; duplicates, refusals and dead letters among them).
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
    """What one source offset adds: counts by metric, and by sketch an 8-byte user hash, or a bucket of durations."""

    offset: int
    counts: dict[str, int]
    users: dict[str, int] = {}


class GroupFacts(msgspec.Struct, frozen=True, array_like=True):
    """The columns of a group's row, from the entries of one delta that belong to the group.

    ``last_seen``, ``unhandled`` and ``sights`` are of all of them, the others of the first: the least (time, offset).
    In records of Faultline 0.3 and before the others but ``first_seen`` are of the least offset.
    """

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
    """Event id of the first entry; ``sample_offset`` is its offset."""
    sample_offset: int
    grouping: str
    cause: str = ""
    """``Type: message`` of the exception that decided, where it is not the one of the title."""
    sights: tuple[bytes, ...] = ()
    """msgpack of ``app.grouping.kinship.Features``: the first event of this group in each build (``Features.build``) of
    those that the delta spans, unless its sender had appended an earlier one of this source partition before."""


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
    """A record that can never be processed: why, its address, and the start of its scrubbed payload."""

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


class _JsonSchema(msgspec.Struct):
    schema: int = 1


class _ArraySchema(msgspec.Struct, array_like=True):
    schema: int


_json_schema = msgspec.json.Decoder(_JsonSchema)
_array_schema = msgspec.msgpack.Decoder(_ArraySchema)
_facts = msgspec.json.Decoder(Facts)
_processed = msgspec.msgpack.Decoder(Processed)
_delta = msgspec.msgpack.Decoder(Delta)
_dead_letter = msgspec.json.Decoder(DeadLetter)
_stored = msgspec.msgpack.Decoder(list[Stored])
_msgpack = msgspec.msgpack.Encoder()
_json = msgspec.json.Encoder()

encode_facts = _json.encode
encode_dead_letter = _json.encode
encode_processed = _msgpack.encode
encode_delta = _msgpack.encode
encode_stored = _msgpack.encode
decode_stored = _stored.decode


T_co = TypeVar("T_co", bound="_HasSchema", covariant=True)
T = TypeVar("T", bound="_HasSchema")


class _HasSchema(Protocol):
    @property
    def schema(self) -> int: ...


class _Decoder(Protocol[T_co]):
    def decode(self, data: bytes, /) -> T_co: ...


class _SchemaDecoder(Protocol):
    def decode(self, data: bytes, /) -> _JsonSchema | _ArraySchema: ...


def _decode(kind: str, newest: int, decoder: _Decoder[T], schema: _SchemaDecoder, data: bytes) -> T:
    try:
        record = decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # A newer record may have other fields: its number alone says whether it is newer or broken.
        try:
            received = schema.decode(data).schema
        except (msgspec.DecodeError, UnicodeDecodeError):
            received = newest
        check_schema(kind, received, newest)
        raise
    check_schema(kind, record.schema, newest)
    return record


def decode_facts(data: bytes) -> Facts:
    """Decode the facts header. Raises ``msgspec.DecodeError``, UnicodeDecodeError, UnknownSchema for a newer one."""
    return _decode("facts", FACTS_SCHEMA, _facts, _json_schema, data)


def decode_processed(data: bytes) -> Processed:
    """Decode a ``processed`` record; its blocks stay bytes. Raises ``msgspec.DecodeError``, UnknownSchema."""
    return _decode("processed records", PROCESSED_SCHEMA, _processed, _array_schema, data)


def decode_delta(data: bytes) -> Delta:
    """Decode a ``deltas`` record. Raises ``msgspec.DecodeError``, UnknownSchema."""
    return _decode("deltas", DELTA_SCHEMA, _delta, _array_schema, data)


def decode_dead_letter(data: bytes) -> DeadLetter:
    """Decode a dead letter. Raises ``msgspec.DecodeError``, UnicodeDecodeError, UnknownSchema."""
    return _decode("dead letters", DEAD_LETTER_SCHEMA, _dead_letter, _json_schema, data)


def facts_of(
    headers: Mapping[str, bytes],
    kinds: Collection[str],
    *,
    groupings: Collection[str],
    normalisations: Collection[str],
    rules: Collection[int],
) -> Facts:
    """Decode the facts of a record from its headers.

    ``kinds`` belong on the record's topic; ``groupings``, ``normalisations`` and ``rules`` are the versions of
    grouping, normalisation and scrub rules that this code has.

    Raises:
        Unreadable: The record has no readable facts, or a kind that does not belong on its topic.
        UnknownSchema: A newer ingest wrote the record, by its schema or by a version that it is stamped with.
    """
    header = headers.get(FACTS)
    if header is None:
        raise Unreadable("no_facts", "KeyError")
    try:
        facts = decode_facts(header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable("bad_facts", type(error).__name__) from error
    if facts.rules not in rules:
        raise UnknownSchema("scrub rules", facts.rules, rules)
    if facts.grouping not in groupings:
        raise UnknownSchema("grouping", facts.grouping, groupings)
    if facts.normalisation not in normalisations:
        raise UnknownSchema("normalisation", facts.normalisation, normalisations)
    if facts.kind not in kinds:
        raise Unreadable("unexpected_kind", "ValueError")
    return facts


def category_of(topic: str) -> Category:
    """Return the category under which unreadable records of a topic (qualified) are counted."""
    return _CATEGORIES.get(topic.rpartition(".")[2], "session")
