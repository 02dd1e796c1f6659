"""The fields that ingest reads of a payload: both parsers agree, arrays are cut into the elements' own bytes."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ingest.codes import Refusal
from app.ingest.limits import MAX_ELEMENTS
from app.ingest.peek import elements, peek

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "payload",
    [
        b'{"event_id":"a"}',
        b'{"x":NaN,"event_id":"a"}',
        b'{"x":"\\ud800","event_id":"a"}',
        b'{"x":"\x00\xff","event_id":"a"}',
        b'\xef\xbb\xbf{"event_id":"a"}',
        b' {"event_id":"b","event_id":"a"} ',
    ],
)
def test_the_id_is_read_whatever_else_the_payload_holds(payload: bytes) -> None:
    assert peek(payload).event_id == "a"


def test_very_deep_nesting_is_accepted_if_its_brackets_close() -> None:
    deep = b"[" * 50_000 + b"]" * 50_000
    assert peek(b'{"event_id":"a","x":' + deep + b"}").event_id is None
    with pytest.raises(Refusal, match="not_json"):
        peek(b'{"x":' + deep[:-1] + b"}")
    with pytest.raises(Refusal, match="not_an_object"):
        peek(deep)


@pytest.mark.parametrize("payload", [b"", b"{", b"x", b"{}{}", b'{"a":1,}', b"\xff"])
def test_no_json(payload: bytes) -> None:
    with pytest.raises(Refusal, match="not_json"):
        peek(payload)


@pytest.mark.parametrize("payload", [b"[]", b"5", b'"x"', b"null", b"NaN"])
def test_no_object(payload: bytes) -> None:
    with pytest.raises(Refusal, match="not_an_object"):
        peek(payload)


def test_elements_are_the_bytes_as_sent() -> None:
    assert elements(b'[ {"a" : 1 } ,"x,]", 5,{} ]') == [b'{"a" : 1 }', b'"x,]"', b"5", b"{}"]
    assert elements(b'[ {"a" : NaN } ,"x,]\\"", 5,[{}] ] ') == [b'{"a" : NaN }', b'"x,]\\""', b"5", b"[{}]"]
    assert elements(b"[]") == []


@settings(deadline=None)
@given(st.lists(JSON, max_size=5), st.sampled_from([None, 1]))
def test_elements_of_any_array(values: list[object], indent: int | None) -> None:
    texts = [json.dumps(value, indent=indent).encode() for value in values]
    assert elements(b"[" + b" ,\n".join(texts) + b"]") == texts
    # A last element that only the tolerant parser takes makes all be cut by it.
    assert elements(b"[" + b",".join([*texts, b'{"x":NaN}']) + b"]") == [*texts, b'{"x":NaN}']


@pytest.mark.parametrize("body", [b"{}", b"5", b"", b'"["', b"NaN"])
def test_no_array(body: bytes) -> None:
    with pytest.raises(Refusal, match="not_an_array"):
        elements(body)


@pytest.mark.parametrize("body", [b"[", b"[NaN", b"[NaN,", b"[NaN,]", b'["x]', b"[NaN]]", b"[NaN] x", b"[,NaN]"])
def test_truncated_arrays_are_refused(body: bytes) -> None:
    with pytest.raises(Refusal, match="not_json"):
        elements(body)


@pytest.mark.parametrize("element", [b"1", b"NaN"])
def test_arrays_of_too_many_elements_are_refused(element: bytes) -> None:
    assert len(elements(b"[" + b",".join([element] * MAX_ELEMENTS) + b"]")) == MAX_ELEMENTS
    with pytest.raises(Refusal, match="too_many_items"):
        elements(b"[" + b",".join([element] * (MAX_ELEMENTS + 1)) + b"]")


def test_hostile_brackets_are_refused_in_bounded_time() -> None:
    with pytest.raises(Refusal, match="too_many_items"):
        elements(b"[" * 3_000_000)


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (peek, elements):
        with suppress(Refusal):
            read(data)
