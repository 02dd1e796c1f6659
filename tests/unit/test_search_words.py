"""What search reads of an event: named values, contexts, what a User-Agent says."""

import json
from typing import Any

import pytest

from app.model import Event
from app.normalise import contexts_of, event, search_fields
from app.normalise.search_fields import MAX_FIELDS
from app.normalise.user_agents import LONGEST
from tests.support.payloads import facts

CHROME = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.144 Mobile "
    "Safari/537.36"
)
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0"


def sentry(agent: str = "", *, full: bool = False, **fields: Any) -> Event:  # noqa: ANN401  any JSON
    return event(_facts("sentry", agent), json.dumps(fields).encode(), full=full)


def raygun(agent: str = "", **details: Any) -> Event:  # noqa: ANN401  any JSON
    return event(_facts("raygun", agent), json.dumps({"details": {"error": {"message": "m"}} | details}).encode())


def _facts(kind: Any, agent: str) -> Any:  # noqa: ANN401  facts with a User-Agent
    made = facts(kind)
    return type(made)(
        project=1, kind=kind, category="error", event_id="a" * 32, received=made.received, user_agent=agent
    )


@pytest.mark.parametrize("full", [False, True])
def test_a_user_agent_names_browser_os_and_device(full: bool) -> None:
    made = sentry(request={"headers": {"user-agent": CHROME}}, full=full)
    assert contexts_of(made) == {
        "browser": {"name": "Chrome Mobile", "version": "120.0.6099.144"},
        "os": {"name": "Android", "version": "14"},
        "device": {"family": "Pixel 7", "brand": "Google", "model": "Pixel 7"},
    }
    fields = search_fields(made)
    assert (fields["browser.name"], fields["os.name"], fields["device.model"]) == (
        "Chrome Mobile",
        "Android",
        "Pixel 7",
    )


@pytest.mark.parametrize(
    "headers",
    [[["User-Agent", WINDOWS]], {"USER-AGENT": [WINDOWS]}, {"Accept": 5, "User-Agent": WINDOWS}],
)
def test_headers_come_in_several_forms(headers: Any) -> None:  # noqa: ANN401  any JSON
    assert search_fields(sentry(request={"headers": headers}))["browser.name"] == "Firefox"
    assert search_fields(raygun(request={"headers": headers}))["os.name"] == "Windows"
    pascal = {"Details": {"Error": {"Message": "m", "StackTrace": []}, "Client": {}, "Request": {"Headers": headers}}}
    made = event(facts("raygun"), json.dumps({"OccurredOn": "2026-01-01T00:00:00Z"} | pascal).encode())
    assert search_fields(made)["browser.name"] == "Firefox"


def test_what_the_sdk_sends_counts_before_the_user_agent() -> None:
    sent = {"os": {"name": "Debian"}, "device": {"arch": "x86"}, "browser": 5}
    made = sentry(request={"headers": {"User-Agent": CHROME}}, contexts=sent)
    contexts = contexts_of(made)
    assert contexts["os"] == {"name": "Debian"}
    assert contexts["device"] == {"arch": "x86", "family": "Pixel 7", "brand": "Google", "model": "Pixel 7"}
    assert contexts["browser"]["name"] == "Chrome Mobile"
    assert made.contexts == sent


def test_only_a_browser_that_sends_stands_for_the_user() -> None:
    assert search_fields(sentry(WINDOWS))["browser.name"] == "Firefox"
    for agent in ("sentry.python/2.0", "python-requests/2.32", "okhttp/4", "", "curl/8"):
        assert not sentry(agent).user_agent
        assert not search_fields(sentry(agent))
    behind = sentry(WINDOWS, request={"headers": {"User-Agent": CHROME}})
    assert search_fields(behind)["os.name"] == "Android"


@pytest.mark.parametrize(
    "agent", ["(" * 20_000, "Mozilla/5.0 (" + "; " * 9000, "Android" + " Build" * 5000, "\u0000", "é" * 999, "x"]
)
def test_any_user_agent_is_read_in_a_moment(agent: str) -> None:
    made = sentry(request={"headers": {"User-Agent": agent}})
    assert len(made.user_agent) <= LONGEST
    search_fields(made)


@pytest.mark.parametrize(
    "headers", [None, 5, "x", [], [1], [[1, 2, 3]], {"User-Agent": {}}, {"User-Agent": [[]]}, [[None, 1]]]
)
def test_odd_headers_name_nothing(headers: Any) -> None:  # noqa: ANN401  any JSON
    assert search_fields(sentry(request={"headers": headers})) == {}


def test_the_values_of_contexts_are_flat() -> None:
    contexts = {
        "app": {"name": "shop", "build": 7, "beta": True, "empty": "", "none": None, "list": ["a", 1, "", {}]},
        "state": {"value": {"deep": {"er": 1.5}}}, "plain": "x", "user": {"id": "not this"}, "tag": {"a": "b"},
    }  # fmt: skip
    assert search_fields(sentry(contexts=contexts)) == {
        "app.name": "shop", "app.build": "7", "app.beta": "true", "app.list": "a\n1", "plain.value": "x",
        "state.value.deep.er": "1.5",
    }  # fmt: skip
    assert search_fields(raygun(environment={"osVersion": "Linux-6", "cpu": "x"})) == {
        "environment.osVersion": "Linux-6", "environment.cpu": "x", "handled": "unknown",
    }  # fmt: skip


def test_what_is_read_of_contexts_is_bounded() -> None:
    many = {str(at): {f"{key}" * 90: "v" * 900 for key in range(100, 150)} for at in range(50)}
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"a": deep, "b": "c"}
    fields = search_fields(sentry(contexts={"deep": deep} | many))
    assert len(fields) == MAX_FIELDS
    assert max(map(len, [*fields, *fields.values()])) == 200
    assert len(search_fields(sentry(contexts={"a": {"b": "v" * 8000}}))["a.b"]) == 8000
    assert list(search_fields(sentry(contexts={"deep": deep}))) == ["deep.b", "deep.a.b", "deep.a.a.b", "deep.a.a.a.b"]
    assert search_fields(sentry(contexts=[1])) == search_fields(sentry(contexts="x")) == {}


def test_users_exceptions_and_places() -> None:
    raised = {"type": "E", "value": "v"}
    made = sentry(
        user={"id": 7, "email": "a@b", "username": "ada", "ip_address": "10.0.0.1"}, transaction="POST /pay",
        logger="shop", contexts={"trace": {"trace_id": "ab"}, "user": {"id": "8"}},
        exception=[{"type": "F", "value": "w", "mechanism": {"type": "m", "handled": True}}, raised, raised],
    )  # fmt: skip
    assert search_fields(made) == {
        "trace.trace_id": "ab", "user.id": "7", "user.email": "a@b", "user.username": "ada", "user.ip": "10.0.0.1",
        "transaction": "POST /pay", "logger": "shop", "type": "F\nE", "handled": "true",
    }  # fmt: skip
    assert search_fields(sentry(exception=[raised]))["handled"] == "unknown"
    crashed = sentry(exception=[raised | {"mechanism": {"type": "m", "handled": False}}])
    assert crashed.unhandled
    assert "handled" not in search_fields(crashed)
    assert search_fields(sentry(message="m")) == {}
