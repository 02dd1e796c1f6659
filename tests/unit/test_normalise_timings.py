"""Timing events of real and of hostile clients: durations, names without what differs from visit to visit."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.model import Malformed, Timing
from app.normalise import scrub, timings
from app.normalise.places import NAME, place_of
from app.normalise.timings import ITEMS
from tests.support.payloads import ABSENT, CORPUS, RECEIVED, encoded, facts, reports

FACTS = facts("timing")
PAGE = "https://shop.example/orders/17"
KEYS = st.sampled_from(["timing", "t", "du", "url", "data", "name", "type", "duration", "timestamp", "version"])
ANY = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(KEYS, x)
)


def event(*items: Any, **fields: Any) -> bytes:  # noqa: ANN401  any JSON
    """Make an event as raygun4js does, its data as text."""
    return encoded({"type": "web_request_timing", "version": "1.0", "data": json.dumps(items), **fields})


def item(ms: Any, kind: str = "p", url: Any = PAGE) -> dict[str, Any]:  # noqa: ANN401  any JSON
    return {"url": url, "timing": {"t": kind, "du": ms}, "parentResource": {"url": PAGE, "type": "p"}}


@pytest.mark.skipif(not CORPUS, reason=ABSENT)
def test_recorded_events_are_read_scrubbed() -> None:
    bodies = [report.payload for report in reports() if "-rum-timing" in report.name]
    result = [timings(FACTS, scrub(encoded(each), 1)) for body in bodies for each in json.loads(body)["eventData"]]
    assert {each.release for each in result} == {"1.0.0"}
    assert [note for each in result for note in each.notes] == []
    names = {(one.kind, one.name) for each in result for one in each.durations}
    assert names == {
        ("page", "/orders/{id}"), ("view", "/orders/{id}"), ("asset", "/app.js"), ("asset", "/raygun.min.js"),
        ("vital", "FCP"), ("vital", "TTFB"), ("request", "/api/stock"), ("request", "/api/missing"),
    }  # fmt: skip
    assert result[0].durations[:2] == [Timing("page", "/orders/{id}", 80.5), Timing("asset", "/app.js", 20.9)]
    assert result[0].time == 1_795_503_332_040 or result[0].time == RECEIVED + 60_000


def test_mobile_events_are_read() -> None:
    items = [
        {"name": "MainActivity", "timing": {"type": "p", "duration": 812}},
        {"name": "GET https://api.example/v1/users/42?x=1", "timing": {"type": "n", "duration": "95.5"}},
    ]
    result = timings(FACTS, encoded({"type": "mobile_event_timing", "data": items})).durations
    assert result == [Timing("page", "MainActivity", 812), Timing("request", "GET api.example/v1/users/{id}", 95.5)]


@pytest.mark.parametrize(
    "ms", ["NaN", "-0.1", -1, float("nan"), float("inf"), "1e400", 1e300, 86_400_001, True, None, [], {}, "", "x" * 99]
)
def test_impossible_durations_are_dropped_with_a_note(ms: Any) -> None:  # noqa: ANN401  any JSON
    result = timings(FACTS, event(item(ms), item("12.5")))
    assert result.durations == [Timing("page", "/orders/{id}", 12.5)]
    assert "a duration that cannot be one dropped" in result.notes


@pytest.mark.parametrize("data", [None, 5, "", "[", "{}", '"x"', "]},[{", {}, "[" * 5000])
def test_data_that_is_no_list_has_no_durations(data: Any) -> None:  # noqa: ANN401  any JSON
    result = timings(FACTS, encoded({"type": "web_request_timing", "data": data}))
    assert (result.durations, result.time) == ([], RECEIVED)
    assert "data is no list" in result.notes


def test_items_beyond_the_limit_are_dropped_with_a_note() -> None:
    result = timings(FACTS, event(*[item(1)] * (ITEMS + 1), timestamp="2026-11-24T06:55:00Z"))
    assert len(result.durations) == ITEMS
    assert result.notes == [f"more than {ITEMS} durations: the rest dropped"]


def test_a_payload_that_is_no_object_is_malformed() -> None:
    for payload in (b"[]", b"{", b"5"):
        with pytest.raises(Malformed):
            timings(FACTS, payload)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://shop.example/", "/"),
        ("https://shop.example", "/"),
        ("https://shop.example/orders/17?token=abc123#top", "/orders/{id}"),
        ("https://shop.example/u/3f2504e0-4f89-11d3-9a0c-0305e82c3301/cart", "/u/{id}/cart"),
        ("https://shop.example/c/deadbeef01/x", "/c/{id}/x"),
        ("https://shop.example/static/app.3f9a1c2b.js", "/static/app.{id}.js"),
        ("https://shop.example/static/index-BxT9k2Qz.css", "/static/index-{id}.css"),
        ("https://shop.example/api/v2/oauth2/login", "/api/v2/oauth2/login"),
        ("https://shop.example/report-2026-11-24.pdf", "/report-{id}-{id}-{id}.pdf"),
        ("https://shop.example/a1b2-c3d4-e5f6", "/{id}"),
        ("https://shop.example/2026/11/24/news", "/{id}/{id}/{id}/news"),
        ("https://shop.example/mail/ada@example.com", "/mail/{id}"),
        ("https://shop.example/a;jsessionid=1234/b", "/a/b"),
        ("https://shop.example/a/b/c/d/e/f/g/h/i/j", "/a/b/c/d/e/f/g/h/…"),
        ("https://user:word@cdn.example:8443/lib/jquery.min.js", "cdn.example:8443/lib/jquery.min.js"),
        ("/relative/5", "/relative/{id}"),
        ("http://[broken/x?y", "/{id}//[broken/x"),
        ("", "/"),
    ],
)
def test_places(url: str, place: str) -> None:
    assert place_of(url, PAGE) == place


@given(st.text(max_size=400), st.text(max_size=50))
def test_any_address_has_a_short_place_without_a_query(url: str, page: str) -> None:
    result = place_of("https://shop.example/" + url, page)
    assert len(result) <= NAME
    assert "?" not in result


@given(ANY)
def test_any_object_is_read_without_an_error(value: Any) -> None:  # noqa: ANN401  any JSON
    payload = json.dumps({"data": value, "timestamp": value, "version": value}).encode()
    for duration in timings(FACTS, payload).durations:
        assert 0 <= duration.ms <= 86_400_000
        assert duration.name
