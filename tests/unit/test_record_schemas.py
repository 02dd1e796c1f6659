"""Each kind of record has a schema number of its own: older numbers are read, a newer one stops the process by name."""

import struct
from collections.abc import Callable

import msgspec
import pytest

from agents.batch.dead_letters import dead_letter
from agents.batch.records import read_facts
from app import records
from app.errors import FatalError, MissingOffsets, code_of
from app.log.contract import Record
from app.model import Facts
from app.records import DELTA_SCHEMA, FACTS_SCHEMA, Delta, Processed, UnknownSchema, Unreadable
from app.topics import FACTS
from tables import names, seen, sessions, windows

KEY = b"k" * 16
FACTS_1 = Facts(1, "sentry", "error", "a" * 32, 5)
RECORD = Record("1.crashes", 0, 7, KEY, b"{}", {FACTS: records.encode_facts(FACTS_1)}, 5)
STATE = sessions.State(1, 0, 1, 0, 0, 0, "", None)
[CHUNK] = [value for _, value in seen.chunks([seen.First(KEY, 0, 0)])]

LOCAL: dict[bytes, bytes] = {}

DELTA_1 = (
    b"\x99\x01\xa91.crashes\x00\x03\x03\x05\x91\x93\x03\x81\xa7crashes\x01\x80\x81\xa7c:7:ga:\x91\x93<\x00\x91\x00"
    b"\x81\xa7c:7:ga:\x9c\xa1t\xa1c\xa6python\xa5error\xa1E\x04\x04\xc3\xa2v1\xa1e\x03\xa2g1"
)

PROCESSED_1 = (
    b"\x98\x01\xa91.crashes\x00\x05\x05\x09\x91\xdc\x00\x13\x05\xd9 00000000000000000000000000000005\x01\xcf\x00\x00"
    b"\x01\x9epD\x88\x00\xcf\x00\x00\x01\x9epD\x84\x18\xd9 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xb7PayError: card declined"
    b"\xb6charge in shop.billing\xa5error\xa6python\xaashop@1.0.0\xaaproduction\xa3ada\xc3\xa5web-1\xadhttp://shop/x"
    b"\xb1sentry.python 2.0\x81\xa7browser\xa7Firefox"
    b"\xd96PayError\ncard declined\nchargeCard\nshop.pay\nshop/pay.py\x90"
)

Read = Callable[[bytes], object]


def array(record: object, schema: int) -> bytes:
    return msgspec.msgpack.encode([schema, *msgspec.msgpack.decode(msgspec.msgpack.encode(record))[1:]])


def document(record: object, schema: int) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(msgspec.json.encode(record)) | {"schema": schema})


KINDS: dict[str, tuple[Callable[[int], bytes], Read]] = {
    "facts": (lambda n: document(FACTS_1, n), records.decode_facts),
    "processed records": (
        lambda n: array(Processed(1, "1.crashes", 0, 0, 0, 0, [], []), n),
        records.decode_processed,
    ),
    "deltas": (lambda n: array(Delta(1, "1.crashes", 0, 0, 0, 0, [], {}, {}), n), records.decode_delta),
    "dead letters": (
        lambda n: document(dead_letter("crashes", RECORD, FACTS_1, "failed", "ValueError", b""), n),
        records.decode_dead_letter,
    ),
    "window rows": (lambda n: bytes((n,)) + windows.encode_row(windows.Row())[1:], windows.decode_value),
    "entries of seen events": (lambda n: struct.pack(">BqQ", n, 0, 0), lambda data: seen.decode(KEY, data)),
    "chunks of seen events": (
        lambda n: bytes((n,)) + CHUNK[1:],
        lambda data: list(seen.localise(LOCAL.get, KEY, data)),
    ),
    "names of timings": (
        lambda n: struct.pack(">Bq", n, 3),
        lambda data: names.Names(lambda prefix: [(prefix + KEY, data)]).admits(1, 0, "GET /", 9),
    ),
    "states of sessions": (lambda n: array(STATE, n), sessions.decode),
}
"""By kind: the bytes of a record with a schema number, and what reads them."""

NEWEST = {
    "facts": FACTS_SCHEMA,
    "deltas": DELTA_SCHEMA,
    "processed records": records.PROCESSED_SCHEMA,
    "window rows": windows.SCHEMA,
    "states of sessions": sessions.SCHEMA,
}
"""By kind the newest schema number, where it is not 1."""


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_up_to_the_present_are_read_and_a_newer_one_stops_the_process_by_name(kind: str) -> None:
    encode, decode = KINDS[kind]
    known = range(1, NEWEST.get(kind, 1) + 1)
    for number in known:
        assert decode(encode(number)) is not None
    reads = ", ".join(map(str, known))
    for number in (0, known[-1] + 1, 100):
        with pytest.raises(
            UnknownSchema, match=rf"schema of {kind}: received version {number}, .* reads {reads}: upgrade"
        ):
            decode(encode(number))


def test_a_delta_of_schema_1_is_read_without_what_schema_2_added() -> None:
    """The bytes are those that the version before this one wrote."""
    delta = records.decode_delta(DELTA_1)
    facts = delta.groups["c:7:ga:"]
    assert (delta.schema, facts.title, facts.grouping, facts.cause, facts.sights) == (1, "t", "g1", "", ())
    with_sights = msgspec.structs.replace(facts, cause="KeyError: 'adyen'", sights=(b"features",))
    newer = msgspec.structs.replace(delta, schema=records.DELTA_SCHEMA, groups={"c:7:ga:": with_sights})
    assert records.decode_delta(records.encode_delta(newer)) == newer


def test_a_processed_record_of_schema_1_is_read_without_what_schema_2_added() -> None:
    """The bytes are those that the version before this one wrote."""
    record = records.decode_processed(PROCESSED_1)
    [summary] = record.summaries
    assert (record.schema, summary.title, summary.tags) == (1, "PayError: card declined", {"browser": "Firefox"})
    assert summary.text.endswith("shop/pay.py")
    assert (summary.messages, summary.functions, summary.files, summary.fields) == ((), "", "", {})
    added = msgspec.structs.replace(summary, messages=("m",), functions="f", files="a.py", fields={"os.name": "x"})
    newer = msgspec.structs.replace(record, schema=records.PROCESSED_SCHEMA, summaries=[added])
    assert records.decode_processed(records.encode_processed(newer)) == newer


@pytest.mark.parametrize("decode", [records.decode_processed, records.decode_delta])
def test_a_newer_record_of_another_shape_is_newer_not_broken(decode: Read) -> None:
    with pytest.raises(UnknownSchema):
        decode(msgspec.msgpack.encode([9, {"other": "fields"}]))
    with pytest.raises(msgspec.DecodeError):
        decode(msgspec.msgpack.encode([1, {"other": "fields"}]))
    with pytest.raises(msgspec.DecodeError):
        decode(b"\xc1")


@pytest.mark.parametrize("changed", [{"grouping": "g999"}, {"rules": 999}, {"rules": 0}])
def test_a_version_that_this_code_lacks_stops_the_process(changed: dict[str, object]) -> None:
    facts = msgspec.structs.replace(FACTS_1, **changed)
    newer = msgspec.structs.replace(RECORD, headers={FACTS: records.encode_facts(facts)})
    with pytest.raises(UnknownSchema, match=r"999|version 0"):
        read_facts(newer, {"sentry"})
    assert read_facts(RECORD, {"sentry"}) == FACTS_1
    with pytest.raises(Unreadable):
        read_facts(RECORD, {"raygun"})


def test_errors_that_end_a_process_have_a_code_and_numbers() -> None:
    gap = MissingOffsets("1.crashes", 3, 120, 140)
    assert isinstance(gap, FatalError)
    assert code_of(gap) == "missing_offsets"
    assert str(gap) == "1.crashes/3: expected offset 120, received 140; 120-139 were not delivered"
    assert str(MissingOffsets("1.crashes", 3, 5, 6)).endswith("received 6; 5 was not delivered")
    assert code_of(UnknownSchema("deltas", 2, [1])) == "unknown_schema"
    assert code_of(ValueError("x")) == code_of(SystemExit(1)) == "unexpected_error"
