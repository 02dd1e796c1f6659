"""Version n1 of normalisation never changes: its results of recorded requests and of payloads of all kinds are held."""

# ruff: noqa: E501  a payload is a line

import json
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.model import Facts, Kind, Malformed
from app.normalise import client_report, event, session, session_counts, timings
from tests.support.payloads import ABSENT, RECEIVED, encoded, reports

GOLDEN = Path(__file__).with_name("normalise_n1.json")
"""Results by payload, as they were when n1 was the only version: never made anew."""

FRAME = {"function": "pay", "module": "shop", "filename": "shop.py", "lineno": 3, "context_line": "x", "vars": {"a": 1}}
RAISED = {"type": "E", "value": "no", "stacktrace": {"frames": [FRAME, {"function": "g", "instruction_addr": "0x1"}]}}
SENTRY: dict[str, dict[str, Any]] = {
    "whole": {
        "timestamp": 1795503306.465, "platform": "python", "release": " shop@1 ", "environment": "e", "logger": "l",
        "server_name": "s", "transaction": "t", "exception": {"values": [RAISED]}, "user": {"id": 1, "email": "a@b"},
        "tags": [["a", 1], ["b", True]], "sdk": {"name": "n", "version": "1"}, "request": {"url": "u"},
        "breadcrumbs": [{"timestamp": 1, "message": "m"}], "contexts": {"os": {}}, "extra": {"a": [1]}, "modules": {"m": "1"},
    },
    "legacy": {"message": "m", "sentry.interfaces.Exception": [RAISED], "sentry.interfaces.User": {"id": "42"}},
    "transaction": {"type": "transaction", "transaction": "/cart", "spans": []},
    "numbers": {"release": 20260101, "environment": 7, "dist": 1, "level": 40, "logger": True, "tags": {"a": 1.5}, "user": {"id": 7}},
    "named": {"logentry": {"message": "%(one)s: %(two)s", "params": {"one": "disk", "two": "denied"}}},
    "swapped": {"logentry": {"message": "{1} before {0}", "params": ["first", "second"]}},
    "percent": {"logentry": {"message": "100%% of %s, %s", "params": ["", None]}},
    "ordered": {"message": {"message": "%d of {n}", "params": {"a": 1, "b": "x"}}},
    "message number": {"message": 105}, "message list": {"message": [1, "a"]}, "message object": {"message": {}},
    "clock 1970": {"timestamp": 0}, "clock 2000": {"timestamp": "2000-01-01T00:00:07Z"}, "ahead": {"timestamp": 4e9},
    "date": {"timestamp": "/Date(1795503306465)/"}, "rfc": {"timestamp": "Tue, 24 Nov 2026 06:55:06 GMT"},
    "threads": {"threads": [{"id": 1, "crashed": True, "stacktrace": {"frames": [FRAME]}}]},
    "wrong": {"exception": 5, "level": [], "platform": {}, "tags": 7, "user": [], "release": {}, "timestamp": []},
}  # fmt: skip
ERROR = {
    "className": "Error", "message": "Error: m", "innerError": {"className": "C", "message": "c", "stackTrace": []},
    "stackTrace": [{"lineNumber": 1, "className": "f", "fileName": "a.py", "methodName": "x()", "localVariables": {"a": 1}}],
}  # fmt: skip
RAYGUN: dict[str, dict[str, Any]] = {
    "whole": {
        "occurredOn": "2026-11-24T06:55:06.465Z",
        "details": {
            "machineName": "w", "groupingKey": "k", "version": " 1 ", "client": {"name": "raygun4py", "version": "8"},
            "error": ERROR, "request": {"url": "/u", "hostName": "h"}, "user": {"identifier": "u"}, "tags": ["a:b"],
            "userCustomData": {"environment": "e"}, "breadcrumbs": [{"message": "m", "timestamp": 1}],
        },
    },
    "numbers": {"details": {"version": 7, "machineName": 5, "error": {"message": 3}, "userCustomData": {"environment": 1}}},
    "rfc": {"occurredOn": "Tue, 24 Nov 2026 06:55:06 GMT", "details": {"error": {"message": "t"}}},
    "date": {"occurredOn": "/Date(1795503306465)/", "details": {"error": {"message": "t"}}},
    "clock": {"occurredOn": "2000-01-01T00:00:00Z", "details": {"error": {"message": "t"}}},
    "no details": {}, "empty details": {"details": {}},
}  # fmt: skip
OTHERS: dict[str, tuple[Kind, dict[str, Any]]] = {
    "session": ("session", {"sid": "S", "status": "ok", "started": "2026-11-24T06:50:00Z", "attrs": {"release": " r ", "environment": 1}}),
    "session clock": ("session", {"sid": "S", "started": 0, "attrs": {"release": 20260101}}),
    "aggregate": ("sessions", {"aggregates": [{"started": 0, "exited": 2}, {"crashed": 1}], "attrs": {"release": 5}}),
    "report": ("client_report", {"discarded_events": [{"reason": "a b", "category": "error", "quantity": 2}]}),
    "timing": ("timing", {"timestamp": 0, "version": " 1 ", "data": [{"timing": {"t": "p", "du": 5}, "url": "/a"}]}),
}  # fmt: skip


def facts_of(kind: Kind, sent: int | None = None) -> Facts:
    return Facts(project=1, kind=kind, category="error", event_id="a" * 32, received=RECEIVED, sent=sent)


def results(kind: Kind, payload: bytes) -> list[object]:
    """Return all that normalisation makes of one payload, as plain JSON values."""
    if kind in ("sentry", "raygun"):
        return [
            _event(facts_of(kind, sent), payload, full=full)
            for full in (False, True)
            for sent in (None, RECEIVED - 10**8)
        ]
    read = {"session": session, "sessions": session_counts, "client_report": client_report, "timing": timings}[kind]
    return [msgspec.to_builtins(read(facts_of(kind), payload))]


def _event(facts: Facts, payload: bytes, *, full: bool) -> object:
    try:
        made = event(facts, payload, full=full)
    except Malformed as error:
        return error.code
    plain = msgspec.to_builtins(made)
    stacks = [raised.get("frames", []) for raised in plain["exceptions"]] + [
        thread.get("frames", []) for thread in plain["threads"]
    ]
    for frame in (frame for frames in stacks for frame in frames):
        frame.pop("image_addr", None)  # later fields, which no key of the first grouping reads
        if not full:
            frame.pop("context", None)
    assert plain.pop("images") == [] or full  # a later field, of pages alone
    plain.pop("user_agent", None)  # later fields too, which search alone reads
    if not full:
        plain["contexts"] = {}
    return plain


def payloads() -> Iterator[tuple[str, Kind, bytes]]:
    """Yield (name, kind, payload) of all that is held here."""
    yield from ((f"sentry {name}", "sentry", encoded(value)) for name, value in SENTRY.items())
    yield from ((f"raygun {name}", "raygun", encoded(value)) for name, value in RAYGUN.items())
    yield from ((name, kind, encoded(value)) for name, (kind, value) in OTHERS.items())
    yield "nan", "sentry", b'{"message":"m","extra":{"x":NaN},"release":"a\\u0000"}'


def digest(value: object) -> str:
    return blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()


def recorded() -> dict[str, str]:
    """Return a digest of the results by report of the recorded requests."""
    made: dict[str, list[object]] = {}
    for report in reports():
        kind: Kind | None = report.kind or ("timing" if "rum" in report.name else None)
        if kind:
            made.setdefault(report.name, []).append(_read(kind, report.payload))
    return {name: digest(value) for name, value in made.items()}


def _read(kind: Kind, payload: bytes) -> object:
    if kind != "timing":
        return results(kind, payload)
    return [results("timing", encoded(item)) for item in json.loads(payload or b"{}").get("eventData", [])]


def test_results_are_those_that_were_frozen() -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))["payloads"]
    made = {name: results(kind, payload) for name, kind, payload in payloads()}
    assert json.loads(json.dumps(made)) == golden


@pytest.mark.skipif(not reports(), reason=ABSENT)
def test_recorded_requests_are_read_as_when_frozen() -> None:
    assert recorded() == json.loads(GOLDEN.read_text(encoding="utf-8"))["recorded"]
