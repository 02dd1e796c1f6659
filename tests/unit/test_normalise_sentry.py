"""Sentry events in every shape that SDKs send (WIRE.md, "Sentry events"), and what is dropped with a note."""

from typing import Any

import pytest

from app.model import Event
from app.normalise import event, words
from tests.support.payloads import RECEIVED, encoded, facts

FRAMES = [{"function": "outer", "lineno": 1}, {"function": "inner", "lineno": 2, "in_app": True}]
RAISED = {"type": "ValueError", "value": "bad", "module": "shop", "stacktrace": {"frames": FRAMES}}


def _event(full: bool = False, peer: str = "", **fields: object) -> Event:
    return event(facts(peer=peer), encoded(fields), full=full)


@pytest.mark.parametrize("shape", [{"values": [RAISED]}, [RAISED], {"values": [None, RAISED]}, RAISED])
def test_exceptions_in_an_object_or_a_list(shape: object) -> None:
    result = _event(exception=shape)
    (raised,) = result.exceptions
    assert (raised.type, raised.value, raised.module) == ("ValueError", "bad", "shop")
    assert [frame.function for frame in raised.frames] == ["outer", "inner"]
    assert (result.level, result.platform, result.unhandled, result.notes) == ("error", "other", False, [])


@pytest.mark.parametrize(
    ("fields", "message", "template"),
    [
        ({"message": "text"}, "text", ""),
        ({"message": {"formatted": "1 left", "message": "%d left", "params": [1]}}, "1 left", "%d left"),
        ({"message": {"message": "%d of %s", "params": [1, "x"]}}, "1 of x", "%d of %s"),
        ({"logentry": {"formatted": "f"}, "message": "other"}, "f", ""),
        ({"logentry": {"message": "{a} and {b}", "params": {"a": 1, "b": 2}}}, "1 and 2", "{a} and {b}"),
        ({"logentry": "plain"}, "plain", ""),
        ({"logentry": {"message": "%99999999d", "params": [1]}}, "%99999999d", ""),
        ({"message": ""}, "", ""),
        ({"csp": {"effective_directive": "img-src", "blocked_uri": "x.test"}}, "img-src: blocked x.test", ""),
    ],
)
def test_messages(fields: dict[str, Any], message: str, template: str) -> None:
    result = _event(**fields)
    assert (result.message, result.template) == (message, template)


@pytest.mark.parametrize(
    ("level", "expected"),
    [(None, "error"), ("fatal", "fatal"), ("critical", "fatal"), ("WARN", "warning"), ("log", "info"), (40, "error"),
     ("trace", "debug"), ("odd", "error"), ([], "error")],
)  # fmt: skip
def test_levels(level: object, expected: str) -> None:
    result = _event(level=level)
    assert result.level == expected
    assert result.is_crash == (expected in ("error", "fatal"))
    assert bool(result.notes) == (level in ("odd", []))


def test_mechanisms() -> None:
    mechanism = {"type": "onerror", "handled": False, "exception_id": 1, "parent_id": 0, "is_exception_group": True}
    result = _event(exception=[RAISED, {"type": "E", "mechanism": mechanism | {"synthetic": True}}])
    first, second = result.exceptions
    assert result.unhandled
    assert (first.handled, second.handled) == (None, False)
    assert (second.mechanism, second.exception_id, second.parent_id) == ("onerror", 1, 0)
    assert second.is_group
    assert second.synthetic


@pytest.mark.parametrize("wrap", [lambda values: {"values": values}, lambda values: values])
def test_threads(wrap: Any) -> None:  # noqa: ANN401  two shapes
    stack = {"stacktrace": {"frames": FRAMES}}
    result = _event(threads=wrap([{"id": 7, "name": "main", "crashed": True, "main": True, **stack}, {"id": "8"}]))
    assert [(thread.id, thread.crashed, len(thread.frames)) for thread in result.threads] == [
        ("7", True, 2),
        ("8", False, 0),
    ]


def test_a_stack_at_the_top_level_is_the_thread_that_crashed_or_the_exceptions() -> None:
    stack = {"frames": FRAMES}
    assert _event(stacktrace=stack).threads[0].crashed
    result = _event(stacktrace=stack, exception=[{"type": "E", "value": "v"}])
    assert len(result.exceptions[0].frames) == 2
    assert not result.threads


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"a": 1, "b": True, "c": None, "d": "x"}, {"a": "1", "b": "true", "d": "x"}),
        ([["a", "b"], ["c", 2], None, ["odd"]], {"a": "b", "c": "2"}),
        ([{"key": "a", "value": "b"}], {"a": "b"}),
        ("odd", {}),
        ([], {}),
    ],
)
def test_tags(tags: object, expected: dict[str, str]) -> None:
    result = _event(tags=tags)
    assert result.tags == expected
    assert bool(result.notes) == (tags == "odd")


def test_users_and_their_address() -> None:
    result = _event(
        user={"id": 42, "email": "a@b", "ip_address": "{{auto}}", "plan": "gold"}, peer="203.0.113.9", full=True
    )
    assert (result.user.id, result.user.ip_address, result.user.identity) == ("42", "203.0.113.9", "42")
    assert result.user.extra == {"plan": "gold"}
    assert _event(sdk={"settings": {"infer_ip": "auto"}}, peer="203.0.113.9").user.identity == "203.0.113.9"
    assert _event(sdk={"settings": {"infer_ip": "never"}}, peer="203.0.113.9").user.identity == ""
    assert _event(user="odd").notes == ["user dropped: wrong type"]


@pytest.mark.parametrize(
    ("fingerprint", "expected"),
    [
        (None, []),
        ([], []),
        (["a", 1], ["a", "1"]),
        ("a", ["a"]),
        (["{{ default }}", "x"], ["{{ default }}", "x"]),
        ({}, []),
    ],
)
def test_fingerprints(fingerprint: object, expected: list[str]) -> None:
    assert _event(fingerprint=fingerprint).fingerprint == expected


def test_a_field_of_a_wrong_type_is_dropped_with_a_note_and_the_rest_is_kept() -> None:
    frames = [
        {"function": 7, "lineno": "12", "in_app": "yes", "filename": "a.py"},
        "odd",
        None,
        {"lineno": -5, "colno": 1e30},
    ]
    result = _event(
        release=5,
        message=[1],
        exception={"values": [{"type": "E", "value": {"a": 1}, "stacktrace": {"frames": frames}}, 3]},
    )
    (raised,) = result.exceptions
    assert (raised.type, raised.value, result.release, result.message) == ("E", '{"a":1}', "", "")
    assert (raised.frames[0].file, raised.frames[0].line, raised.frames[0].function) == ("a.py", 12, "")
    assert (raised.frames[1].line, raised.frames[1].column) == (None, None)
    assert result.notes == [
        "message dropped: wrong type",
        "release dropped: wrong type",
        "exception.values[].stacktrace.frames[].function dropped: wrong type",
        "exception.values[].stacktrace.frames[].in_app dropped: wrong type",
        "exception.values[].stacktrace.frames[] dropped: wrong type",
        "exception.values[] dropped: wrong type",
    ]


def test_bounds() -> None:
    many = [{"function": f"f{number}"} for number in range(1000)]
    result = _event(
        exception=[{"type": "T" * 999, "value": "v" * 99_999, "stacktrace": {"frames": many}} for _ in range(60)],
        tags={f"t{number}": "v" * 999 for number in range(500)},
        breadcrumbs=[{"message": str(number)} for number in range(500)],
        threads=[{"id": number, "crashed": number == 400} for number in range(500)],
        full=True,
    )
    raised = result.exceptions[-1]
    assert (len(result.exceptions), len(raised.type), len(raised.value)) == (50, 256, 8192)
    assert [frame.function for frame in raised.frames] == [frame["function"] for frame in many[:50] + many[-200:]]
    assert (len(result.tags), len(result.tags["t0"]), len(result.threads)) == (100, 200, 100)
    assert result.threads[0].id == "400"
    assert [crumb.message for crumb in result.breadcrumbs] == [str(number) for number in range(400, 500)]
    assert len(result.notes) == 7


def test_a_full_event_has_what_the_page_shows() -> None:
    frame = {"lineno": 12, "context_line": "c", "pre_context": ["a", "b"], "post_context": ["d"], "vars": {"x": [1]}}
    result = _event(
        full=True,
        exception=[{"type": "E", "stacktrace": {"frames": [frame]}}],
        breadcrumbs={"values": [{"timestamp": "2026-11-24T06:57:34.5Z", "category": "auth", "data": {"a": 1}}]},
        request={"url": "https://x.test/", "method": "GET"},
        contexts={"os": {"name": "Linux"}},
        extra={"retry": False},
        modules={"six": "1.0"},
    )
    (shown,) = result.exceptions[0].frames
    assert (shown.context, shown.vars, shown.source) == ([(10, "a"), (11, "b"), (12, "c"), (13, "d")], {"x": [1]}, "c")
    assert result.breadcrumbs[0].time == 1_795_503_454_500
    assert (result.url, result.request["method"], result.contexts["os"]) == (
        "https://x.test/",
        "GET",
        {"name": "Linux"},
    )
    assert (result.extra, result.modules) == ({"retry": False}, {"six": "1.0"})


def test_other_fields_and_times() -> None:
    result = event(
        facts(sent=RECEIVED - 3_600_000),
        encoded(
            {
                "timestamp": (RECEIVED - 3_605_000) / 1000,
                "platform": "go",
                "culprit": "c",
                "server_name": "s",
                "environment": "e",
                "release": "r",
                "logger": "l",
                "sdk": {"name": "sentry.go", "version": "1"},
                "event_id": "other",
            }
        ),
    )
    assert (result.happened, result.time, result.event_id) == (RECEIVED - 3_605_000, RECEIVED - 5_000, "a" * 32)
    assert (result.platform, result.transaction, result.server, result.environment) == ("go", "c", "s", "e")
    assert (result.release, result.logger, result.sdk_name, result.sdk_version) == ("r", "l", "sentry.go", "1")
    assert _event(timestamp="odd").notes == ["timestamp dropped: cannot be read"]
    assert _event(template={"filename": "a.html"}).transaction == "a.html"


def test_words_begin_with_the_most_telling_parts() -> None:
    result = _event(exception=[RAISED], message="hello", tags={"region": "eu"}, transaction="/pay")
    assert words(result) == (("bad", "hello"), "inner\nouter", "", "ValueError\n/pay\neu")
    assert words(result, "ValueError: bad").messages == words(result, "bad").messages == ("hello",)
    assert words(result, "notbad").messages == ("bad", "hello")
    wide = {"value": "é" * 8000}
    long = words(_event(exception=[RAISED | wide], message="x" * 8000, transaction="t" * 200))
    assert [len(text.encode()) for text in long.messages] == [4096, 2048]
    assert (long.text, long.functions) == ("ValueError\n" + "t" * 200, "inner\nouter")
    longer = words(
        _event(exception=[RAISED | wide], message="支" * 8000, tags={str(at): str(at) * 50 for at in range(99)})
    )
    assert [len(text.encode()) for text in longer.messages] == [4096]
    assert longer.text.startswith("ValueError\n")
    assert len(longer.text) == 4096
    assert longer.functions == ""
    assert words(_event()) == ((), "", "", "")
