"""Normalising anything: nothing raised but Malformed, both readers agree, and what is derived can always be stored."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.model import Event, Frame, Malformed
from app.normalise import client_report, event, raygun, search_fields, sentry, session, session_counts, words
from app.normalise.search_fields import MAX_FIELDS
from app.normalise.text import SHORT, Notes
from app.normalise.versions import VERSIONS
from tests.support.payloads import ABSENT, SHARED, Report, encoded, events, facts

NAMES = [
    "exception", "values", "type", "value", "stacktrace", "frames", "function", "filename", "lineno", "in_app",
    "threads",
    "message", "logentry", "formatted", "params", "user", "id", "email", "tags", "level", "timestamp", "fingerprint",
    "mechanism", "handled", "exception_id", "request", "url", "breadcrumbs", "data", "contexts", "extra",
    "modules", "sdk",
    "release", "details", "occurredOn", "error", "className", "stackTrace", "lineNumber", "methodName", "innerError",
    "innerErrors", "client", "name", "version", "Details", "Error", "StackTrace", "groupingKey", "userCustomData",
    "sentry.interfaces.Exception", "sentry.interfaces.Message",
    "sid", "status", "started", "attrs", "aggregates", "exited", "discarded_events", "reason", "quantity", "vars",
]  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["2026-11-24T06:57:34Z", "raygun4py", "error", "{{auto}}", 10**400, -(10**30), "\0", "\ud800"])
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=30,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8)
FRAME = {
    "function": "f",
    "module": "m",
    "filename": "a.py",
    "abs_path": "/a.py",
    "lineno": 1,
    "colno": 2,
    "in_app": True,
    "package": "p",
    "symbol": "s",
    "instruction_addr": "0x1",
    "context_line": "c",
    "pre_context": ["a"],
    "post_context": [],
    "vars": {"x": "1"},
}
MECHANISM = {"type": "t", "handled": False, "synthetic": True, "exception_id": 1, "parent_id": 0}
RAISED = {
    "type": "E",
    "value": "v",
    "module": "m",
    "thread_id": 1,
    "mechanism": MECHANISM,
    "stacktrace": {"frames": [FRAME]},
}
SENTRY = {
    "timestamp": 1795503306.465,
    "platform": "python",
    "level": "error",
    "logger": "l",
    "logentry": {"message": "%s", "params": [1]},
    "transaction": "t",
    "release": "r",
    "environment": "e",
    "server_name": "s",
    "exception": {"values": [RAISED]},
    "threads": {"values": [{"id": 1, "name": "n", "crashed": True, "stacktrace": {"frames": [FRAME]}}]},
    "fingerprint": ["a"],
    "user": {"id": 1, "ip_address": "{{auto}}"},
    "tags": [["a", "b"]],
    "extra": {"a": [1]},
    "sdk": {"name": "n", "version": "1", "settings": {"infer_ip": "auto"}},
    "request": {"url": "u", "headers": {}},
    "breadcrumbs": {"values": [{"timestamp": 1, "message": "m", "data": {"a": 1}}]},
    "contexts": {"os": {}},
    "modules": {"a": "1"},
}
ERROR = {
    "className": "E",
    "message": "E: m",
    "innerError": {"className": "C", "message": "m", "stackTrace": []},
    "innerErrors": [],
    "stackTrace": [
        {"lineNumber": 1, "className": "f", "fileName": "a.py", "methodName": "x()", "localVariables": {"a": "1"}}
    ],
}
RAYGUN = {
    "occurredOn": "2026-11-24T06:57:31.785313+00:00",
    "details": {
        "machineName": "w",
        "groupingKey": "k",
        "version": "1",
        "client": {"name": "raygun4py", "version": "8"},
        "error": ERROR,
        "request": {"url": "/u", "hostName": "h"},
        "user": {"identifier": "u"},
        "tags": ["a:b"],
        "environment": {"a": 1},
        "userCustomData": {"environment": "e"},
        "breadcrumbs": [{"message": "m", "timestamp": 1}],
        "response": {"statusCode": 5},
    },
}
READERS = [session, session_counts, client_report]


def _storable(found: Event) -> None:
    """No null, no lone surrogate, and JSON and msgpack take it."""
    text = msgspec.json.encode(found).decode()
    assert "\\u0000" not in text
    assert "\0" not in text
    texts, fields = words(found), search_fields(found)
    every = [*texts.messages, *texts[1:]]
    assert len("\n".join(every).encode()) <= 8192
    assert len(fields) <= MAX_FIELDS + 9
    assert all(fields.values())
    assert len("".join((*fields, *fields.values()))) <= 2 * MAX_FIELDS * SHORT + 50 * 256 + 9 * 220
    msgspec.msgpack.encode((texts, fields, found.tags, found.url, found.release, found.user))


def _either(payload: bytes) -> None:
    for kind in ("sentry", "raygun"):
        for full in (False, True):
            for version in VERSIONS:
                _event_of(kind, payload, full=full, version=version)
    for reader in READERS:
        for version in VERSIONS:
            try:
                msgspec.json.encode(reader(facts("session", event_id="", normalisation=version), payload))
            except Malformed as error:
                assert error.code in ("not_json", "not_object", "no_session_id", "no_aggregates")  # noqa: PT017  one of two outcomes


def _event_of(kind: str, payload: bytes, *, full: bool, version: str) -> None:
    try:
        found = event(facts("raygun" if kind == "raygun" else "sentry"), payload, full=full, version=version)
    except Malformed as error:
        assert error.code in ("not_json", "not_object", "no_details")  # noqa: PT017  one of two outcomes
    else:
        _storable(found)


@settings(max_examples=300, deadline=None)
@given(OBJECTS)
def test_any_object(value: dict[str, object]) -> None:
    _either(json.dumps(value).encode())
    _either(json.dumps({"details": value, "occurredOn": "2026-11-24T06:57:34Z"}).encode())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=100) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes(payload: bytes) -> None:
    _either(payload)


@settings(max_examples=300, deadline=None)
@given(OBJECTS, st.booleans(), st.sampled_from([*VERSIONS]))
def test_both_readers_give_one_event(value: dict[str, object], full: bool, version: str) -> None:
    payload = json.dumps(value).encode()
    assert _fast(payload, full=full, version=version) == _slow(payload, full=full, version=version)


def _paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in inner for found in _paths(item, (*path, key)))]


def _replaced(value: object, path: tuple[str | int, ...], new: object) -> object:
    if not path:
        return new
    if isinstance(value, dict):
        return {key: _replaced(item, path[1:], new) if key == path[0] else item for key, item in value.items()}
    assert isinstance(value, list)
    return [_replaced(item, path[1:], new) if index == path[0] else item for index, item in enumerate(value)]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_whole_reports_with_one_part_replaced_by_anything(data: st.DataObject) -> None:
    kind, whole = data.draw(st.sampled_from([("sentry", SENTRY), ("raygun", RAYGUN)]))
    path = data.draw(st.sampled_from(_paths(whole)))
    payload = json.dumps(_replaced(whole, path, data.draw(VALUES))).encode()
    _either(payload)
    full, version = data.draw(st.booleans()), data.draw(st.sampled_from([*VERSIONS]))
    try:
        assert kind == "raygun" or _fast(payload, full=full, version=version) == _slow(
            payload, full=full, version=version
        )
    except Malformed:
        assert path == ()


def _fast(payload: bytes, *, full: bool, version: str = "n1") -> Event:
    found = event(facts(), payload, full=full, version=version)
    found.notes = [note for note in found.notes if "tolerant" not in note]
    return found


def _slow(payload: bytes, *, full: bool, version: str = "n1") -> Event:
    notes, rules = Notes(), VERSIONS[version]
    found = sentry.build(facts(), sentry.tolerant(payload, notes, rules, full=full), notes, rules)
    found.notes = [note for note in notes if "tolerant" not in note]
    return found


@pytest.mark.skipif(not events(), reason=ABSENT)
@pytest.mark.parametrize("report", events(), ids=lambda report: report.name)
@pytest.mark.parametrize("full", [False, True])
def test_both_readers_give_one_event_of_each_recorded_report(report: Report, full: bool) -> None:
    if report.kind == "sentry":
        assert _fast(report.payload, full=full) == _slow(report.payload, full=full)
        return
    notes, rules = Notes(), VERSIONS["n1"]
    body = raygun.tolerant(report.payload, notes, rules, full=full)
    found = raygun.build(facts("raygun"), body, notes, rules, full=full)
    found.notes = notes
    assert event(facts("raygun"), report.payload, full=full) == found


@pytest.mark.skipif(not events(), reason=ABSENT)
@pytest.mark.parametrize("report", events(), ids=lambda report: report.name)
def test_a_full_event_is_the_light_one_and_more(report: Report) -> None:
    assert report.kind is not None
    light, full = (event(facts(report.kind), report.payload, full=full) for full in (False, True))
    for frame, seen in zip(_frames(full), _frames(light), strict=True):
        assert seen.context in ([], frame.context)
        frame.context, frame.vars = seen.context, {}
    full.user.extra = {}
    assert set(light.notes) <= set(full.notes)
    for name in ("notes", "request", "breadcrumbs", "contexts", "extra", "modules"):
        setattr(full, name, getattr(light, name))
    assert full == light


def _frames(of: Event) -> list[Frame]:
    stacks = [raised.frames for raised in of.exceptions] + [thread.frames for thread in of.threads]
    return [frame for frames in stacks for frame in frames]


@pytest.mark.parametrize("depth", [50, 99, 500, 900, 2000, 100_000])
@pytest.mark.parametrize("shape", ['{"a":', "[", '{"innerError":'])
def test_deep_nesting(depth: int, shape: str) -> None:
    close = "}" if shape[0] == "{" else "]"
    deep = shape * depth + "null" + close * depth
    found = event(facts(), f'{{"extra":{deep},"message":"m","user":{deep},"tags":{deep}}}'.encode(), full=True)
    assert found.message == "m"
    _storable(found)
    found = event(
        facts("raygun"), f'{{"details":{{"error":{{"message":"m","innerError":{deep}}}}}}}'.encode(), full=True
    )
    assert found.exceptions[-1].value == "m"
    _storable(found)


def test_odd_text_becomes_replacement_characters() -> None:
    payload = rb'{"message":"a\u0000b\ud800c\\u0000 \ud83d\ude00","release":"r\u0000","tags":{"k\u0000":"v\u0000"}}'
    found = event(facts(), payload)
    assert found.message == "a\ufffdb\ufffdc\\u0000 \U0001f600"
    assert found.release == "r\ufffd"
    assert found.tags == {"k\ufffd": "v\ufffd"}


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b'{"message":"m","extra":{"x":NaN,"y":-Infinity}}', "m"),
        (b'{"message":"caf\xff"}', "caf\ufffd"),
        (b'{"message":"a\tb\x00"}', "a\tb\ufffd"),
        (b'\xef\xbb\xbf{"message":"bom"}', "bom"),
        (b'{"message":"first","message":"last"}', "last"),
        (b'{"message":"m","n":' + b"9" * 5000 + b"}", "m"),
        (b'{"message":"m","timestamp":1e999}', "m"),
    ],
)
def test_what_strict_parsers_refuse_is_read(payload: bytes, message: str) -> None:
    found = event(facts(), payload, full=True)
    assert found.message == message
    _storable(found)


@pytest.mark.parametrize("payload", [b"", b"x", b"[]", b"null", b'"text"', b"{", b'{"a":1}x', b"{'a':1}", b"\xff\xfe"])
def test_what_is_no_object_is_malformed(payload: bytes) -> None:
    for read in (event, session, session_counts, client_report):
        with pytest.raises(Malformed):
            read(facts(), payload)


GROUPING = sorted((SHARED / "grouping").glob("events-*.jsonl"))


@pytest.mark.skipif(not GROUPING, reason=f"no labelled events in {SHARED}/grouping: set FAULTLINE_SHARED")
@pytest.mark.parametrize("file", GROUPING, ids=lambda file: file.stem)
def test_labelled_events_are_read_by_both_readers(file: Path) -> None:
    for line in file.read_bytes().splitlines():
        row = json.loads(line)
        payload = encoded(row["event"])
        if row.get("protocol") == "raygun":
            assert event(facts("raygun"), payload).exceptions
        else:
            assert _fast(payload, full=False) == _slow(payload, full=False)
            _storable(_fast(payload, full=True))
