"""From items to records: each item of an envelope is kept or counted."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ingest.envelope import parse
from app.ingest.limits import MAX_QUANTITY, MAX_RECORD, SESSION_LIFE_MS
from app.ingest.records import Layout, Origin, RequestRecords
from app.ingest.sentry import add_envelope, add_event
from app.model import Facts
from app.normalise import VERSIONS
from app.records import FACTS_SCHEMA, UnknownSchema, decode_facts, facts_of
from app.topics import FACTS, identity, partition_of
from tables.sessions import LIFE_MS

KEPT = ("event", "session", "sessions", "client_report")
TYPES = st.sampled_from([*KEPT, "transaction", "span", "log", "attachment", "check_in", "feedback", "hologram", ""])
PAYLOADS = st.sampled_from(
    [b"", b"{}", b"[]", b'{"sid":"a"}', b'{"sid":"\\ud800"}', b'{"event_id":"' + b"a" * 32 + b'"}']
)
HEADERS = st.sampled_from([b"{}", b'{"event_id":"' + b"b" * 32 + b'"}', b'{"event_id":[]}'])


def empty() -> RequestRecords:
    return RequestRecords(Origin(7, 1000, None, "192.0.2.1", "test"), Layout(3, 8))


@settings(deadline=None)
@given(HEADERS, st.lists(st.tuples(TYPES, PAYLOADS), max_size=8))
def test_every_item_is_kept_or_counted(header: bytes, items: list[tuple[str, bytes]]) -> None:
    parts = [header]
    for kind, payload in items:
        parts += [json.dumps({"type": kind}).encode(), payload]
    body = b"\n".join(parts) + b"\n"
    collected = empty()
    add_envelope(parse(body), body, collected)
    records = collected.finish()
    facts = [decode_facts(record.headers[FACTS]) for record in records]
    refused = [entry for written in facts for entry in written.refused]
    kept = [record.value for record, written in zip(records, facts, strict=True) if not written.refused]
    assert kept == [payload for kind, payload in items if kind in KEPT]
    assert sum(entry.quantity for entry in refused) == (len(items) - len(kept) if items else 1)
    assert len(records) - len(kept) == bool(refused)
    for record, written in zip(records, facts, strict=True):
        assert record.topic == ("3.crashes" if written.category == "error" and not written.refused else "3.sessions")
        assert record.key is not None
        assert record.partition == partition_of(record.key, 8)
        assert written.event_id


def test_only_the_first_event_has_the_envelopes_id() -> None:
    body = b'{"event_id":"%s"}\n' % (b"b" * 32) + b'{"type":"event"}\n{}\n{"type":"event"}\n{}\n'
    collected = empty()
    assert add_envelope(parse(body), body, collected) == "b" * 32
    first, second = (decode_facts(record.headers[FACTS]) for record in collected.finish())
    assert (first.event_id, first.unique) == ("b" * 32, True)
    assert not second.unique


def test_a_record_over_the_limit_is_counted() -> None:
    body = b'{}\n{"type":"event"}\n' + b"x" * (MAX_RECORD + 1)
    collected = empty()
    add_envelope(parse(body), body, collected)
    assert collected.oversize == 1
    (record,) = collected.finish()
    assert [(e.category, e.reason) for e in decode_facts(record.headers[FACTS]).refused] == [("error", "too_large")]


def test_a_count_that_a_client_claims_is_bounded() -> None:
    body = b'{}\n{"type":"log","item_count":99999999999999999999999}\n{}'
    collected = empty()
    add_envelope(parse(body), body, collected)
    assert collected.not_kept == {("other", "log"): MAX_QUANTITY}


def test_a_long_session_id_keeps_its_key() -> None:
    def key_of(sid: str) -> bytes | None:
        body = b'{}\n{"type":"session"}\n' + json.dumps({"sid": sid}).encode()
        collected = empty()
        add_envelope(parse(body), body, collected)
        (record,) = collected.finish()
        assert len(decode_facts(record.headers[FACTS]).event_id) == 200
        return record.key

    assert key_of("x" * 1000) == key_of("x" * 1000) != key_of("x" * 999 + "y")


def envelope_of(*items: bytes, header: bytes = b"{}", since: int = 0) -> RequestRecords:
    body = b"\n".join([header, *items])
    records = RequestRecords(Origin(7, 1000), Layout(3, 8, since))
    add_envelope(parse(body), body, records)
    return records


@pytest.mark.parametrize(
    ("payload", "refused"),
    [
        (b'{"type":"transaction","transaction":"/cart"}', ("timing", "transaction")),
        (b'{"transaction":"/cart", "type" : "transaction"}', ("timing", "transaction")),
        (b'{"spans":[{"op":"transaction"}],"type":"transaction"}', ("timing", "transaction")),
        (b'{"type":"error","transaction":"transaction"}', None),
        (b'{"transaction":"/cart","contexts":{"trace":{"type":"transaction"}}}', None),
        (b'{"transaction" : "x"}', None),
        (b'{"type":5,"x":"transaction"}', None),
        (b'{"x":"transaction"', None),
        (b'["transaction"]', None),
        (b'{"type":"event","tags":{' + b",".join(b'"transaction":"a"' for _ in range(99)) + b"}}", None),
    ],
)
def test_events_that_are_no_errors_are_counted(payload: bytes, refused: tuple[str, str] | None) -> None:
    made = envelope_of(b'{"type":"event"}', payload)
    assert made.not_kept == ({refused: 1} if refused else {})
    assert [record.value for record in made.records] == ([] if refused else [payload])
    if payload.startswith(b"{") and payload.endswith(b"}"):
        store = RequestRecords(Origin(7, 1000), Layout(3, 8))
        assert len(add_event(payload, store)) == 32
        assert store.not_kept == made.not_kept


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        ("transaction", ("timing", "transaction")),
        ("feedback", ("other", "feedback")),
        ("userreportv2", ("other", "feedback")),
        ("replay_event", ("other", "replay_event")),
        ("error", None),
        ("default", None),
        ("csp", None),
        (5, None),
    ],
)
def test_types_of_events_at_store(kind: object, refused: tuple[str, str] | None) -> None:
    store = RequestRecords(Origin(7, 1000), Layout(3, 8))
    add_event(json.dumps({"type": kind}).encode(), store)
    assert store.not_kept == ({refused: 1} if refused else {})
    assert len(store.records) == (refused is None)


def test_an_envelope_without_items_has_a_row_in_the_ledger() -> None:
    assert envelope_of(header=b'{"event_id":"' + b"c" * 32 + b'"}').not_kept == {("other", "empty_envelope"): 1}
    assert envelope_of(header=b"{}").not_kept == {("other", "empty_envelope"): 1}


def test_a_nil_id_is_no_id() -> None:
    nil = b"0" * 32
    first = envelope_of(b'{"type":"event"}', b"{}", header=b'{"event_id":"%s"}' % nil)
    second = envelope_of(b'{"type":"event"}', b'{"event_id":"%s"}' % nil, header=b'{"event_id":"%s"}' % nil)
    third = envelope_of(b'{"type":"event"}', b'{"event_id":"%s"}' % (b"d" * 32), header=b'{"event_id":"%s"}' % nil)
    written = [decode_facts(made.records[0].headers[FACTS]) for made in (first, second, third)]
    assert [header.unique for header in written] == [False, False, True]
    assert written[2].event_id == "d" * 32
    assert written[0].event_id != written[1].event_id


DASHED, PLAIN = "18eb0bcb-7780-44b9-b779-35456ee84e93", "18eb0bcb778044b9b77935456ee84e93"
SINCE = 1_795_503_306_000


def session_key_of(sid: str, started: object, since: int = 0) -> tuple[int, bytes | None]:
    made = envelope_of(b'{"type":"session"}', json.dumps({"sid": sid, "started": started}).encode(), since=since)
    return made.records[0].partition, made.records[0].key


@pytest.mark.parametrize("started", ["2026-11-24T06:55:06Z", SINCE / 1000, None, "odd", "2020-01-01T00:00:00Z"])
def test_the_forms_of_a_session_id_have_one_key(started: object) -> None:
    assert session_key_of(DASHED, started) == session_key_of(PLAIN, started) == session_key_of(DASHED.upper(), started)


def test_a_session_open_at_the_change_keeps_the_key_of_its_id_as_sent() -> None:
    """An older ingest wrote its first update under that key; each later one must meet its state."""
    before = "2026-11-24T06:55:05Z"
    for sid in (DASHED, PLAIN, DASHED.upper()):
        assert session_key_of(sid, before, SINCE)[1] == identity(7, f"s:{sid}")
        assert session_key_of(sid, "2026-11-24T06:55:06Z", SINCE)[1] == identity(7, f"s:{PLAIN}")
    long_ago = (SINCE - SESSION_LIFE_MS - 1) / 1000
    assert session_key_of(DASHED, long_ago, SINCE) == session_key_of(PLAIN, long_ago, SINCE)
    assert LIFE_MS == SESSION_LIFE_MS


def test_records_carry_the_newest_normalisation() -> None:
    made = envelope_of(b'{"type":"event"}', b"{}", b'{"type":"session"}', b"{}")
    written = [decode_facts(record.headers[FACTS]) for record in made.records]
    assert [(header.normalisation, header.schema) for header in written] == [([*VERSIONS][-1], FACTS_SCHEMA)] * 2


def header(**stamped: object) -> dict[str, bytes]:
    facts = {"project": 1, "kind": "sentry", "category": "error", "event_id": "a" * 32, "received": 1}
    return {FACTS: json.dumps(facts | stamped).encode()}


def read(headers: dict[str, bytes]) -> Facts:
    return facts_of(headers, {"sentry"}, groupings={"g1"}, normalisations=VERSIONS, rules={1})


def test_facts_without_a_version_are_of_the_first() -> None:
    assert read(header()).normalisation == "n1"
    assert read(header(schema=1)).normalisation == "n1"
    assert read(header(schema=2, normalisation="n2")).normalisation == "n2"


@pytest.mark.parametrize(
    "stamped", [{"normalisation": "n3"}, {"schema": 3}, {"schema": 0}, {"schema": 3, "kind": "new"}]
)
def test_a_worker_stops_at_facts_of_a_newer_ingest(stamped: dict[str, object]) -> None:
    with pytest.raises(UnknownSchema):
        read(header(**stamped))
