"""The envelope parser: Relay's rules, and every envelope that can be encoded is parsed back."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ingest.codes import Refusal
from app.ingest.envelope import Envelope, Item, parse, parse_body
from app.ingest.limits import MAX_ITEMS


def code_of(body: bytes) -> str:
    with pytest.raises(Refusal) as caught:
        parse(body)
    return caught.value.code


@pytest.mark.parametrize("body", [b"{}", b"{}\n", b"{}\n\n", b'{"event_id":"12"}'])
def test_headers_alone_are_an_envelope(body: bytes) -> None:
    assert parse(body).items == []


def test_a_length_makes_line_ends_part_of_the_payload() -> None:
    body = b'{}\n{"type":"attachment","length":5}\na\n\r\nb\n{"type":"event"}\n{}\r'
    first, second = parse(body).items
    assert body[first.start : first.end] == b"a\n\r\nb"
    assert body[second.start : second.end] == b"{}\r"


def test_an_item_header_at_the_end_has_an_empty_payload() -> None:
    (item,) = parse(b'{}\n{"type":"session"}').items
    assert item.start == item.end
    (item,) = parse(b'{}\n{"type":"session","length":0}\n').items
    assert item.start == item.end


def test_header_values_are_returned_as_sent() -> None:
    envelope = parse(b'{"event_id":"A-b","sent_at":"2026-11-24T06:55:14.470Z","dsn":"http://k@h/1","trace":{"x":[1]}}')
    assert envelope.event_id == "A-b"
    assert envelope.sent == 1795503314470
    assert envelope.dsn == "http://k@h/1"


@pytest.mark.parametrize("sent", ['"never"', "{}", "null", "true", "-5", "1e300"])
def test_an_unreadable_sent_at_is_none(sent: str) -> None:
    assert parse(b'{"sent_at":%s}' % sent.encode()).sent is None


def test_sent_at_twice_is_refused_only_in_the_header_itself() -> None:
    assert code_of(b'{"sent_at":1,"sent_at":2}') == "duplicate_sent_at"
    assert code_of(b'{"sent_at":1,"\\u0073ent_at":2}') == "duplicate_sent_at"
    assert parse(b'{"sent_at":1,"trace":{"sent_at":2}}').sent == 1000
    assert parse(b'{"sent_at":1,"trace":{"sent_at":2,"sent_at":3}}').sent == 1000


def test_a_lone_surrogate_in_the_header_refuses_nothing() -> None:
    assert parse(b'{"event_id":"1","trace":{"transaction":"\\ud800"}}').event_id == "1"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_envelope_header"),
        (b"\n{}", "invalid_envelope_header"),
        (b"[]", "invalid_envelope_header"),
        (b"\xff\xfe", "invalid_envelope_header"),
        (b"{}\nx", "invalid_item_header"),
        (b'{}\n{"type":null}', "invalid_item_header"),
        (b'{}\n{"type":"event","length":"5"}\n{}', "invalid_item_header"),
        (b'{}\n{"type":"event","length":-1}\n{}', "invalid_item_header"),
        (b'{}\n{"type":"event","length":3}\n{}', "item_truncated"),
        (b'{}\n{"type":"event","length":1}\n{}', "item_unterminated"),
        (b"{}\n" + b'{"type":"x"}\n\n' * (MAX_ITEMS + 1), "too_many_items"),
    ],
)
def test_malformed_envelopes_have_a_code(body: bytes, code: str) -> None:
    assert code_of(body) == code


@pytest.mark.parametrize(
    "name", [b'"a\\ud83d.txt"', b'"a\xff.txt"', b'"a\x01\tb"', b'"\\u0000"', b"5", b'{"a":"\\udfff"}']
)
def test_odd_file_names_refuse_nothing(name: bytes) -> None:
    body = b'{}\n{"type":"attachment","length":3,"filename":%s}\nabc\n{"type":"event"}\n{}' % name
    assert [(item.type, body[item.start : item.end]) for item in parse(body).items] == [
        ("attachment", b"abc"),
        ("event", b"{}"),
    ]


@pytest.mark.parametrize(
    "header", [b'{"type":5,"x":"\\ud800"}', b'{"type":"a","length":true,"x":"\\ud800"}', b'{"x":"\\ud800"}']
)
def test_odd_item_headers_still_need_a_type_and_a_length(header: bytes) -> None:
    assert code_of(b"{}\n" + header + b"\n{}") == "invalid_item_header"


@pytest.mark.parametrize(
    "event",
    [
        b'{"event_id":"1","exception":{"values":[]}}',
        b'{"message":"m"}\n',
        b'{\n  "event_id": "1",\n  "level": "fatal"\n}\n',
        b'{"sentry.interfaces.Message":{"message":"m"}}',
        b'\n{"platform":"x"}',
        b'{"type":"transaction","spans":[]}',
        b'{"message":"\\ud800"}',
    ],
)
def test_a_bare_event_is_the_only_item(event: bytes) -> None:
    assert parse_body(event).items == [Item("event", 0, len(event))]


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"event_id":"1","dsn":"d","sdk":{},"sent_at":1,"trace":{"release":"r"}}', b'{}\n{"type":"event"}\n{}'],
)
def test_an_envelope_is_no_bare_event(body: bytes) -> None:
    assert parse_body(body) == parse(body)


def test_a_bare_event_keeps_its_headers_values() -> None:
    assert parse_body(b'{"event_id":"1","sent_at":1,"level":"error"}')[:3] == Envelope("1", 1000, "", [])[:3]


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"[]", b'["message"]', b'{"message":', b'{\n"no":"event"\n}', b'{"x":1}' + b" " * (3 << 20)]
)
def test_what_is_no_event_is_refused_or_empty(body: bytes) -> None:
    try:
        assert parse_body(body).items == []
    except Refusal as refusal:
        assert refusal.code == "invalid_envelope_header"  # noqa: PT017  one of two outcomes


ITEMS = st.lists(
    st.tuples(st.sampled_from(["event", "session", "attachment", "hologram"]), st.binary(max_size=60)), max_size=6
)


@settings(deadline=None)
@given(ITEMS, st.booleans())
def test_items_framed_with_lengths_are_parsed_back(items: list[tuple[str, bytes]], ended: bool) -> None:
    parts = [b"{}"]
    for kind, payload in items:
        parts += [json.dumps({"type": kind, "length": len(payload)}).encode(), payload]
    body = b"\n".join(parts) + (b"\n" if ended else b"")
    parsed = [(item.type, body[item.start : item.end]) for item in parse(body).items]
    assert parsed == items


@settings(deadline=None)
@given(ITEMS)
def test_items_framed_by_lines_are_parsed_back(items: list[tuple[str, bytes]]) -> None:
    lines = [(kind, payload.replace(b"\n", b"")) for kind, payload in items]
    parts = [b"{}"]
    for kind, payload in lines:
        parts += [json.dumps({"type": kind}).encode(), payload]
    body = b"\n".join([*parts, b""])
    assert [(item.type, body[item.start : item.end]) for item in parse(body).items] == lines


@settings(deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"{}\n" + tail))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    with suppress(Refusal):
        assert all(0 <= item.start <= item.end <= len(body) for item in parse_body(body).items)
