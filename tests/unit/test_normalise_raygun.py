"""Raygun bodies as each client sends them (WIRE.md, "Raygun crashes", "Raygun clients")."""

import pytest

from app.model import Event, Malformed
from app.normalise import event
from tests.support.payloads import ABSENT, encoded, events, facts

PYTHON = {
    "occurredOn": "2026-11-24 06:57:31.785313+00:00",
    "details": {
        "client": {"name": "raygun4py", "version": "8.0.0"},
        "version": "Not defined",
        "machineName": "web-1",
        "groupingKey": None,
        "tags": ["checkout", "region:eu-west-1", "UnhandledException"],
        "user": "someone",
        "userCustomData": {"environment": "production", "n": 1},
        "error": {
            "className": "PaymentError",
            "message": "PaymentError: could not charge",
            "stackTrace": [
                {"lineNumber": 50, "className": "capture", "fileName": "/srv/main.py",
                 "methodName": "    function(*args)\n"},
                {"lineNumber": 31, "className": "charge", "fileName": "/srv/shop.py", "methodName": "  raise x\n",
                 "localVariables": {"order": "1"}},
            ],
            "innerError": {"className": "ConnectionError", "message": "ConnectionError: gone", "stackTrace": [],
                           "innerError": None},
            "data": "",
        },
        "request": {"hostName": "shop.example.com", "url": "/orders", "httpMethod": "POST", "iPAddress": "203.0.113.7"},
        "environment": {"oSVersion": "Linux"},
    },
}  # fmt: skip


def _event(body: object, *, full: bool = False) -> Event:
    return event(facts("raygun"), encoded(body), full=full)


def _details(**details: object) -> Event:
    return _event({"occurredOn": "2026-11-24T06:57:31Z", "details": details})


def test_raygun4py() -> None:
    result = _event(PYTHON)
    cause, raised = result.exceptions
    assert (cause.type, cause.value, raised.type, raised.value) == (
        "ConnectionError",
        "gone",
        "PaymentError",
        "could not charge",
    )
    assert [(frame.function, frame.source, frame.line) for frame in raised.frames] == [
        ("capture", "    function(*args)", 50),
        ("charge", "  raise x", 31),
    ]
    assert (result.platform, result.release, result.environment, result.server) == ("python", "", "production", "web-1")
    assert result.tags == {"checkout": "true", "region": "eu-west-1", "UnhandledException": "true"}
    assert (result.unhandled, raised.handled, cause.handled, result.fingerprint) == (True, False, None, [])
    assert (result.user.identity, result.url) == ("someone", "shop.example.com/orders")
    assert (result.happened, result.notes) == (1_795_503_451_785, [])


def test_a_full_event_has_what_the_page_shows() -> None:
    result = _event(PYTHON, full=True)
    assert result.exceptions[-1].frames[-1].vars == {"order": "1"}
    assert result.request["iPAddress"] == "203.0.113.7"
    assert result.contexts == {"environment": {"oSVersion": "Linux"}}
    assert result.extra == {"environment": "production", "n": 1}
    light = _event(PYTHON)
    assert (result.exceptions[-1].value, result.url, result.tags) == (light.exceptions[-1].value, light.url, light.tags)


def test_names_in_any_case() -> None:
    def pascal(value: object) -> object:
        if isinstance(value, dict):
            return {key[0].upper() + key[1:]: pascal(item) for key, item in value.items()}
        return [pascal(item) for item in value] if isinstance(value, list) else value

    assert _event(pascal(PYTHON)).exceptions == _event(PYTHON).exceptions
    mixed = {"details": {"client": {}, "error": {"stackTrace": [], "innerError": {"ClassName": "Inner"}}}}
    assert [raised.type for raised in _event(mixed).exceptions] == ["Inner", ""]
    upper = {"OCCURREDON": "2026-11-24T06:57:31Z", "DETAILS": {"ERROR": {"CLASSNAME": "E", "MESSAGE": "m"}}}
    assert _event(upper).exceptions[0].type == "E"


def test_raygun4js_frames_are_innermost_first_and_their_class_is_no_class() -> None:
    stack = [
        {
            "LineNumber": 45,
            "ColumnNumber": 17,
            "ClassName": "line 45, column 17",
            "FileName": "http://x/app.js",
            "MethodName": "inner",
        },
        {
            "LineNumber": 50,
            "ColumnNumber": 9,
            "ClassName": "line 50, column 9",
            "FileName": "http://x/app.js",
            "MethodName": "outer",
        },
    ]
    result = _event({
        "OccurredOn": "2026-11-24T06:55:32.574Z",
        "Details": {
            "Client": {"Name": "raygun-js"}, "Version": "Not supplied", "Tags": ["UnhandledPromiseRejection"],
            "Error": {"ClassName": "TypeError", "Message": "m", "StackTrace": stack},
            "User": {"Identifier": "user-1", "Email": "a@b", "FullName": "Ada L"}, "Request": {"Url": "http://x/orders"},
        },
    })  # fmt: skip
    frames = result.exceptions[0].frames
    assert [(frame.function, frame.module, frame.line, frame.column) for frame in frames] == [
        ("outer", "", 50, 9),
        ("inner", "", 45, 17),
    ]
    assert (result.platform, result.release, result.unhandled, result.url) == (
        "javascript",
        "",
        True,
        "http://x/orders",
    )
    assert (result.user.id, result.user.email, result.user.name) == ("user-1", "a@b", "Ada L")


@pytest.mark.parametrize(
    ("client", "platform"),
    [("raygun4py", "python"), ("raygun-node", "node"), ("raygun-js", "javascript"), ("raygun4java", "java"),
     ("Raygun4Android", "java"), ("Raygun4Net", "csharp"), ("raygun4go", "go"), ("Raygun4Ruby", "ruby"),
     ("raygun4php", "php"), ("raygun4apple", "cocoa"), ("raygun4flutter", "dart"), ("own", "other")],
)  # fmt: skip
def test_platforms(client: str, platform: str) -> None:
    assert _details(client={"name": client}, error={"message": "m", "stackTrace": []}).platform == platform


def test_raygun4java_names_an_error_by_its_path() -> None:
    frame = {"className": "com.shop.Payment", "methodName": "charge", "fileName": "Payment.java", "lineNumber": 3}
    error = {"className": "com.shop.PaymentException", "message": "PaymentException: no", "stackTrace": [frame]}
    result = _event(
        {"occurredOn": "2026-11-24T06:57:31", "details": {"client": {"name": "raygun4java"}, "error": error}}
    )
    (raised,) = result.exceptions
    assert (raised.type, raised.module, raised.value) == ("PaymentException", "com.shop", "no")
    assert (raised.frames[0].module, raised.frames[0].function) == ("com.shop.Payment", "charge")
    assert result.happened == 1_795_503_451_000


def test_raygun4go_keeps_addresses_for_grouping() -> None:
    frame = {"className": "main", "methodName": "reconcile({0xfd44f6e9df8?, 0x0?})", "lineNumber": 3}
    result = _details(client={"name": "raygun4go"}, error={"message": "m", "stackTrace": [frame]})
    assert (result.exceptions[0].type, result.exceptions[0].frames[0].function) == (
        "",
        "reconcile({0xfd44f6e9df8?, 0x0?})",
    )


def test_log_records_of_raygun4py() -> None:
    frame = {"className": "Logger (shop)", "methodName": "<module>", "fileName": "main.py", "lineNumber": 90}
    error = {"className": "Logger (shop)", "message": "low", "stackTrace": [frame]}
    result = _details(client={"name": "raygun4py"}, error=error)
    assert (result.logger, result.message, result.exceptions[0].synthetic) == ("shop", "low", True)
    assert result.exceptions[0].frames[0].function == "<module>"


def test_python_is_known_by_its_frames_where_no_client_is_named() -> None:
    frames = [
        {"className": "outer", "fileName": "a.py", "methodName": "inner()\n"},
        {"className": "inner", "fileName": "a.py"},
    ]
    result = _details(error={"className": "E", "message": "m", "stackTrace": frames})
    assert (result.platform, [frame.function for frame in result.exceptions[0].frames]) == (
        "python",
        ["outer", "inner"],
    )


def test_grouping_keys_and_chains() -> None:
    def nested(depth: int) -> dict[str, object]:
        return {
            "className": f"E{depth}",
            "message": "m",
            "innerError": nested(depth - 1) if depth else None,
            "stackTrace": [],
        }

    result = _details(groupingKey="mine", error=nested(80), client={"name": "raygun4py"})
    assert result.fingerprint == ["mine"]
    assert [raised.type for raised in result.exceptions] == [f"E{depth}" for depth in range(31, 81)]
    several = {
        "className": "Group",
        "message": "m",
        "stackTrace": [],
        "innerErrors": [nested(0), {"className": "Other"}, 3],
    }
    assert [raised.type for raised in _details(error=several, client={"name": "x"}).exceptions] == [
        "Other",
        "E0",
        "Group",
    ]


@pytest.mark.parametrize(
    "body",
    [{}, {"details": None}, {"details": []}, {"details": {}, "Details": 5}, {"occurredOn": "2026-11-24T06:57:31Z"}],
)
def test_without_details_it_is_malformed(body: object) -> None:
    with pytest.raises(Malformed) as caught:
        _event(body)
    assert caught.value.code == "no_details"


def test_wrong_types_are_dropped_with_a_note() -> None:
    error = {"className": 5, "message": "m", "stackTrace": [3, {"lineNumber": "12", "methodName": "f"}]}
    result = _details(error=error, tags="x", user=[], version=2.5, machineName=[], client={"name": "raygun-node"})
    assert (result.exceptions[0].value, result.exceptions[0].frames[0].line, result.release) == ("m", 12, "2.5")
    assert set(result.notes) == {
        "details.error.className dropped: wrong type", "details.error.stackTrace[] dropped: wrong type",
        "details.machineName dropped: wrong type", "tags dropped: wrong type", "user dropped: wrong type",
    }  # fmt: skip
    assert _event({"details": {"error": {"message": "m"}}}).exceptions[0].value == "m"


@pytest.mark.skipif(not events(), reason=ABSENT)
def test_each_recorded_report_has_its_facts() -> None:
    for report in events():
        if report.kind != "raygun":
            continue
        result = event(facts("raygun"), report.payload)
        assert (result.notes, result.release) == ([], "1.0.0")
        assert result.platform in ("python", "node", "javascript")
        assert not any(frame.function.startswith(" ") for raised in result.exceptions for frame in raised.frames)
        assert result.user.id in ("user-1", "user-2", "plain-string-user")
        assert result.unhandled == ("crash" in report.name)
