"""Times in all the forms that SDKs write, and the correction of clocks."""

import pytest

from app.cells import MAX_AGE
from app.normalise import client_report, correct, session, session_counts
from app.normalise.sessions import Lost
from app.normalise.times import milliseconds
from tests.support.payloads import RECEIVED, encoded, facts

MOMENT = 1_795_503_454_576


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-24T06:57:34.576780Z", "2026-11-24T06:57:34.576Z", "2026-11-24T06:57:34.5767801Z",
        "2026-11-24T06:57:34.576780123Z", "2026-11-24T06:57:34.576+00:00", "2026-11-24T06:57:34.576+0000",
        "2026-11-24T07:57:34.576+01:00", "2026-11-24T01:27:34.576-05:30", "2026-11-24 06:57:34.576",
        "2026-11-24T06:57:34.576", "2026-11-24 06:57:34.576 UTC", "2026-11-24 06:57:34,576",
        " 2026-11-24T06:57:34.576Z ",
        1_795_503_454.576, "1795503454.576", 1_795_503_454_576, 1_795_503_454_576_000, 1_795_503_454_576_000_000,
    ],
)  # fmt: skip
def test_forms(value: object) -> None:
    assert milliseconds(value) == MOMENT


@pytest.mark.parametrize(
    "value", [None, True, "", "soon", "2026-13-45T00:00:00Z", float("nan"), float("inf"), 10**400, [], {}, "9" * 100]
)
def test_values_that_are_no_time(value: object) -> None:
    assert milliseconds(value) is None


def test_a_leap_second_and_a_bare_date() -> None:
    assert milliseconds("2026-11-24T06:57:60Z") == milliseconds("2026-11-24T06:58:00Z")
    assert milliseconds("2026-11-24") == 1_795_478_400_000
    assert milliseconds("1969-12-31T23:59:59Z") == -1000


def test_correction() -> None:
    now, hour = RECEIVED, 3_600_000
    assert correct(None, now - hour, now) == now
    assert correct(now - 5000, None, now) == now - 5000
    assert correct(now - 5000, now - 60_000, now) == now - 5000
    assert correct(now - 65_001, now - 60_001, now) == now - 5000
    assert correct(now + hour - 5000, now + hour, now) == now - 5000
    assert correct(now + hour, None, now) == now + 60_000
    assert correct(0, None, now) == now - MAX_AGE * 1000
    assert correct(10**30, None, now) == now + 60_000


def test_sessions() -> None:
    payload = encoded({"sid": "s", "did": 7, "init": True, "status": "crashed", "started": "2026-11-24T06:50:00Z",
                       "attrs": {"release": "r", "environment": "e"}})  # fmt: skip
    result = session(facts("session", event_id="s1"), payload)
    assert (result.session_id, result.status, result.errors, result.init, result.user) == (
        "s1",
        "crashed",
        1,
        True,
        "7",
    )
    assert (result.release, result.environment, result.started) == ("r", "e", 1_795_503_000_000)
    odd = session(
        facts("session"), encoded({"status": 5, "errors": -3, "init": 1, "attrs": [], "timestamp": 1_795_503_000.5})
    )
    assert (odd.status, odd.errors, odd.init, odd.release, odd.started) == ("ok", 0, False, "", 1_795_503_000_500)
    assert session(facts("session"), b"{}").started == RECEIVED


def test_session_aggregates() -> None:
    buckets = [
        {"started": "2026-11-24T06:50:00Z", "exited": 3, "crashed": 1, "did": "u"},
        {"errored": "x"},
        5,
        {"abnormal": 2.0},
    ]
    first, second = session_counts(facts("sessions"), encoded({"aggregates": buckets, "attrs": {"release": "r"}}))
    assert (first.exited, first.crashed, first.errored, first.user, first.release) == (3, 1, 0, "u", "r")
    assert (second.abnormal, second.started) == (2, RECEIVED)


def test_client_reports() -> None:
    lost = [
        {"reason": "queue overflow\n", "category": "error", "quantity": 3},
        {"reason": "queue overflow\n", "category": "default", "quantity": 2},
        {"reason": "r" * 99, "category": "session", "quantity": 1},
        {"category": "span", "quantity": 10**30},
        {"quantity": 0},
        7,
    ]
    assert client_report(facts("client_report"), encoded({"discarded_events": lost})) == [
        Lost("queue_overflow_", "error", 5),
        Lost("r" * 64, "session", 1),
        Lost("unknown", "other", 10**9),
    ]
    many = [{"reason": f"r{number}", "category": "error", "quantity": 1} for number in range(500)]
    result = client_report(facts("client_report"), encoded({"discarded_events": many}))
    assert (len(result), result[-1], sum(lost.quantity for lost in result)) == (51, Lost("other", "error", 450), 500)
    assert client_report(facts("client_report"), b"{}") == []
