"""Version n2 of normalisation: what real SDKs send and n1 reads wrongly (WIRE.md, "Versions of normalisation")."""

# ruff: noqa: E501  a payload is a line

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cells import DAY
from app.grouping import group
from app.model import Event, Facts, Kind
from app.normalise import VERSIONS, event, session, session_counts, timings
from app.normalise.n2 import LEGACY
from app.normalise.n2 import RULES as N2
from app.normalise.parameters import filled
from app.records import UnknownSchema
from tests.support.payloads import RECEIVED, encoded, facts

FRAME = {"filename": "Cart.java", "module": "shop.Cart", "in_app": True, "function": "total", "lineno": 17}
RAISED = {"type": "IllegalStateException", "value": "order broke", "stacktrace": {"frames": [FRAME]}}


def n2(kind: Kind = "sentry", *, sent: int | None = None) -> Facts:
    return facts(kind, sent=sent, normalisation="n2")


def sentry(**fields: object) -> Event:
    return event(n2(), encoded(fields))


def raygun(**body: object) -> Event:
    return event(n2("raygun"), encoded({"details": {"error": {"message": "t"}}} | body))


@pytest.mark.parametrize("shape", [[RAISED], {"values": [RAISED]}, RAISED])
def test_interface_names_of_old_sdks(shape: object) -> None:
    fields = {
        "message": "order broke",
        "sentry.interfaces.Exception": shape,
        "sentry.interfaces.User": {"id": "42"},
        "sentry.interfaces.Http": {"url": "https://shop.example/cart"},
        "sentry.interfaces.Message": {"message": "%s broke", "params": ["order"]},
    }
    made = event(n2(), encoded(fields), full=True)
    grouped = group(made)
    assert (grouped.title, grouped.culprit) == ("IllegalStateException: order broke", "total in shop.Cart")
    assert (len(made.exceptions), made.user.identity, made.url) == (1, "42", "https://shop.example/cart")
    assert (made.message, made.template, made.request["url"]) == ("order broke", "%s broke", made.url)


@pytest.mark.parametrize("name", LEGACY)
def test_todays_name_wins_over_the_old_one(name: str) -> None:
    field = LEGACY[name]
    both = sentry(**{field: {"message": "new", "id": "new"}, name: {"message": "old", "id": "old"}})
    assert both == sentry(**{field: {"message": "new", "id": "new"}})


def test_a_stack_of_an_old_sdk_is_a_thread() -> None:
    made = sentry(**{"sentry.interfaces.Stacktrace": {"frames": [FRAME]}, "message": "m"})
    assert [frame.function for frame in made.threads[0].frames] == ["total"]


@pytest.mark.parametrize(
    ("value", "text"), [(20260101, "20260101"), (1.5, "1.5"), (True, "true"), (False, "false"), (0, "0"), ("a", "a")]
)
def test_numbers_and_booleans_are_text(value: object, text: str) -> None:
    made = sentry(
        release=value, environment=value, server_name=value, transaction=value, logger=value, tags={"t": value},
        user={"id": value}, exception=[{"type": value, "value": value, "module": value}],
    )  # fmt: skip
    raised = made.exceptions[0]
    assert {made.release, made.environment, made.server, made.transaction, made.logger, made.tags["t"]} == {text}
    assert {made.user.identity, raised.type, raised.value, raised.module} == {text}
    assert made.notes == []
    update = session(n2("session"), encoded({"attrs": {"release": value, "environment": value}, "did": value}))
    assert {update.release, update.environment, update.user} == {text}
    [counts] = session_counts(n2("sessions"), encoded({"attrs": {"release": value}, "aggregates": [{"exited": 1}]}))
    assert counts.release == text
    sent = raygun(
        details={"version": value, "machineName": value, "userCustomData": {"environment": value}, "error": {}}
    )
    assert {sent.release, sent.environment, sent.server} == {text}


@pytest.mark.parametrize("text", [" shop@1 ", "\tshop@1\n", " " * 300 + "shop@1"])
def test_releases_are_trimmed_everywhere(text: str) -> None:
    assert sentry(release=text, environment=text).release == "shop@1"
    assert sentry(release=text, environment=text).environment == "shop@1"
    assert session(n2("session"), encoded({"attrs": {"release": text}})).release == "shop@1"
    assert raygun(details={"version": text}).release == "shop@1"
    assert timings(n2("timing"), encoded({"version": text, "data": []})).release == "shop@1"


def test_a_release_of_blanks_is_none() -> None:
    assert sentry(release="  ").release == ""
    assert raygun(details={"version": " Not defined "}).release == ""


@pytest.mark.parametrize(
    ("template", "params", "expected"),
    [
        ("cleanup of %(one)s: %(two)s", {"one": "disk", "two": "denied"}, "cleanup of disk: denied"),
        ("%(two)d before %(one)s", {"one": 1, "two": 2}, "2 before 1"),
        ("{1} came before {0}", ["first", "second"], "second came before first"),
        ("{b} and {a}", {"a": 1, "b": 2}, "2 and 1"),
        ("{} of {}", [1, 2], "1 of 2"),
        ("{0:N2} of {name!r:>5}", {"name": "x", "0": 3}, "3 of x"),
        ("{0} {0}", ["a"], "a a"),
        ("%2$s before %1$s", ["a", "b"], "b before a"),
        ("%s", [""], ""),
        ("%s and %s", [None, "b"], "null and b"),
        ("%s", [True], "true"),
        ("%s", [{"a": [1]}], '{"a":[1]}'),
        ("100%% of %s", ["x"], "100% of x"),
        ("{{0}} {0}", ["x"], "{0} x"),
        ("%05.2f and %-3d", [1.5, 2], "1.5 and 2"),
        ("%s of %s", ["one"], "one of %s"),
        ("{5} {x}", ["a"], "{5} {x}"),
        ("%(gone)s %(here)s", {"here": 1}, "%(gone)s 1"),
        ("route {id} failed: %s", ["x"], "route {id} failed: x"),
        ("100% of {}", ["disk"], "100% of disk"),
        ("5%discount for %s", ["Ada"], "5%discount for Ada"),
        ("%d left", {"count": 3}, "3 left"),
        ("no place", ["x"], "no place"),
        ("100%% sure", [], "100%% sure"),
        ("%s", "text", "%s"),
        ("%99999999d", [1], "%99999999d"),
    ],
)
def test_parameters_of_messages(template: str, params: object, expected: str) -> None:
    assert filled(template, params) == expected
    made = sentry(logentry={"message": template, "params": params})
    assert made.message == expected
    assert made.template == ("" if template == expected else template)


@given(
    st.text(st.sampled_from("%{}sd()01:!$aé ")),
    st.lists(st.none() | st.text() | st.integers()) | st.dictionaries(st.text(), st.none()),
)
def test_any_template_is_filled(template: str, params: Any) -> None:  # noqa: ANN401  a list or an object
    assert isinstance(filled(template, params), str)


def test_hostile_templates_cost_linear_time() -> None:
    for template in ("%(" * 100_000, "{" * 200_000, "{0:" * 70_000, "%%" * 100_000, "{a" * 100_000):
        assert len(filled(template, ["x"])) <= 8192


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (105, "105"),
        (1.5, "1.5"),
        (True, "true"),
        ([1, "a"], '[1,"a"]'),
        ({"message": [1]}, "[1]"),
        ({"formatted": 7}, "7"),
    ],
)
@pytest.mark.parametrize("field", ["message", "logentry"])
def test_messages_that_are_no_text(field: str, value: object, text: str) -> None:
    made = sentry(**{field: value})
    assert (made.message, made.notes) == (text, [])


MOMENT = 1_795_503_306_000


@pytest.mark.parametrize(
    "text",
    [
        "/Date(1795503306000)/", "\\/Date(1795503306000)\\/", "/Date(1795503306000+0200)/", "/Date(1795503306000-0500)/",
        "Tue, 24 Nov 2026 06:55:06 GMT", "Tue, 24 Nov 2026 07:55:06 +0100", "Tuesday, 24 Nov 2026 06:55:06 GMT",
        "tue, 24 nov 2026 06:55:06 gmt", " Tue, 24 Nov 2026 06:55:06 GMT ", "2026-11-24T06:55:06Z",
    ],
)  # fmt: skip
def test_times(text: str) -> None:
    assert raygun(occurredOn=text).happened == MOMENT
    assert sentry(timestamp=text).happened == MOMENT
    assert session(n2("session"), encoded({"started": text})).started == MOMENT


@pytest.mark.parametrize(
    "text", ["/Date()/", "/Date(x)/", "Tue, 99 Nov 2026 06:55:06 GMT", "Tue, 24", "Tuesday", "/Date(9)/x"]
)
def test_texts_that_are_no_time(text: str) -> None:
    assert N2.milliseconds(text) is None


@given(st.text(max_size=80) | st.from_regex(r"(Mon|Tue), .{0,40}") | st.from_regex(r"/Date\(.{0,30}\)/"))
def test_any_text_is_a_time_or_none(text: str) -> None:
    assert N2.milliseconds(text) is None or isinstance(N2.milliseconds(text), int)


STALE = ["the time sent is over 30 days old and nothing tells the clock's error: the time received stands for it"]


@pytest.mark.parametrize("clock", [0, "1980-01-01T00:00:09Z", "2000-01-01T00:00:00Z", "2021-05-01T00:00:00Z", -5.0])
def test_a_wrong_clock_without_sent_at_counts_at_the_time_received(clock: object) -> None:
    made = sentry(timestamp=clock)
    assert (made.time, made.notes) == (RECEIVED, STALE)
    assert session(n2("session"), encoded({"started": clock})).started == RECEIVED
    [counts] = session_counts(n2("sessions"), encoded({"aggregates": [{"started": clock, "exited": 1}]}))
    assert counts.started == RECEIVED
    if isinstance(clock, str):
        made = raygun(occurredOn=clock)
        assert (made.time, made.notes) == (RECEIVED, STALE)


def test_the_smallest_date_of_dotnet_counts_at_the_time_received() -> None:
    made = raygun(occurredOn="/Date(-62135596800000)/")
    assert (made.happened, made.time, made.notes) == (-62_135_596_800_000, RECEIVED, STALE)


def test_a_clock_whose_error_is_known_is_corrected() -> None:
    made = event(n2(sent=7000), encoded({"timestamp": 2}))
    assert (made.time, made.notes) == (RECEIVED - 5000, [])


def test_a_time_earlier_than_any_sdk_is_of_a_wrong_clock_whatever_sent_at_is() -> None:
    made = event(n2(sent=RECEIVED), encoded({"timestamp": 0}))
    assert (made.time, made.notes) == (RECEIVED, STALE)


def test_old_events_keep_their_time_within_30_days_and_are_clamped_where_the_clock_is_right() -> None:
    old = RECEIVED - 29 * DAY * 1000
    assert (sentry(timestamp=old / 1000).time, sentry(timestamp=old / 1000).notes) == (old, [])
    older = RECEIVED - 40 * DAY * 1000
    made = event(n2(sent=RECEIVED), encoded({"timestamp": older / 1000}))
    assert made.time == RECEIVED - 30 * DAY * 1000


def test_a_raygun_report_without_a_time_counts_at_the_time_received() -> None:
    made = raygun()
    assert (made.time, made.notes) == (
        RECEIVED,
        ["occurredOn missing or cannot be read: the time received stands for it"],
    )


def test_versions_are_told_by_the_facts_unless_asked_for() -> None:
    payload = encoded({"release": 5})
    assert (event(facts(), payload).release, event(n2(), payload).release) == ("", "5")
    assert event(facts(), payload, version="n2").release == "5"
    assert event(n2(), payload, version="n1").release == ""


def test_an_unknown_version_stops_the_worker() -> None:
    assert [*VERSIONS] == ["n1", "n2"]
    with pytest.raises(UnknownSchema, match="n3"):
        event(facts(normalisation="n3"), b"{}")
    with pytest.raises(UnknownSchema, match="n3"):
        session(facts("session", normalisation="n3"), b"{}")
