"""From items to records: each item of an envelope is kept or counted."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from app.ingest.envelope import parse
from app.ingest.limits import MAX_QUANTITY, MAX_RECORD
from app.ingest.records import Layout, Origin, RequestRecords
from app.ingest.sentry import add_envelope
from app.records import decode_facts
from app.topics import FACTS, partition_of

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
    assert sum(entry.quantity for entry in refused) == len(items) - len(kept)
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
