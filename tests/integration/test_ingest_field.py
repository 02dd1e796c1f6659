"""Requests that real SDKs and sites send and that were once read wrongly, each with its right outcome."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import aiohttp
import pytest

from app.grouping import group
from app.log.contract import Record
from app.model import Event, Facts, Refused
from app.normalise import event, session
from tables.sessions import State, advance
from tests.integration.ingest_site import Site, running_ingest

RAVEN = base64.b64decode(
    "eJyNkk1vnDAQhv8KslTlkjXYywK7p0g9VlUqJadG0cqYgaWxwbUNDVrx32ub/UoPVU7gGc8788zrIxoMaLSLjqit3Cel9xECyVrh"
    "DiG3Ig/wzqQSgHkv0ezyljXGl/h/eLeahXozGcx0M7rDC7qLrVRxG+sRq+kOvfqrBjqrJ9x2FnTNOBj8HYxhDYRyeflHXADrBhX1"
    "dfTFRLUbBirkBBTTTJpFv2rNm9N10brXklkLfvxuEMK3+oSYgBE8ZJqE0fQIet8xGWr+QLki/pLsq0FAgEVqsoe+8+k1JgTnYRUa"
    "nLwJRebQqweCE5z4SujGVveddMw+qbRT4rZ1Avfh9At4SKTUB2zrJrZuyz5EE5qtCFnR/JnQHcl3G/rzfGlv1KLoSX2b0R33wTqU"
    "85Ks6wSyusjTnKZbnidpyjO2JhXhJDRSglm/sDDTAuTxq7eAeObXzMmurnm3G9Mu7BkmnnBhV/3lHZQaWMX1IMtlWyMTQ1jcyxHZ"
    "SQXZCmo2CPsvMMm3m7wgRU5xvt1mpKA39riicmjQR0+foKvarolOIe+tgK6xh4jQbB3ZPjpYq3ZxTGjuDcFkl5JtQmKm2jilsbG9"
    "htiLcmah6fV0ocalsxN/Fa1fs7tQMRue9+wgryRe/j8YRZIUCd3cYJzsujKcAh/6w2+3Mmtu26JBi3PDz/BIcJ6F1/Dj8ek5eGuZ"
    "Hcye95VvS5MkOMfMYufjNzTPr/P8F+LZN4s="
)
"""The body of ``captureMessage("cleanup of %s failed", params=("disk",))`` as raven 6.10 sent it."""


class Sent(NamedTuple):
    """The outcome of one request: its status, and what became of the events in it."""

    status: int
    events: list[Event]
    refused: list[Refused]
    pairs: list[tuple[Facts, Record]]


@pytest.fixture
async def site(database: str) -> AsyncIterator[Site]:
    async with running_ingest(database) as running:
        yield running


async def send(site: Site, path: str, body: bytes, *, method: str = "POST", **headers: str) -> Sent:
    known = set(await site.records())
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = site.url + path.replace("PROJECT", str(site.project.id)).replace("KEY", site.project.sentry_key)
    async with aiohttp.ClientSession() as client, client.request(method, url, data=body, headers=named) as reply:
        status = reply.status
    records = await site.records()
    pairs = [records[address] for address in sorted(records.keys() - known)]
    events = [
        event(facts, record.value or b"") for facts, record in pairs if facts.category == "error" and record.value
    ]
    return Sent(status, events, [entry for facts, _ in pairs for entry in facts.refused], pairs)


async def envelope(
    site: Site, *items: dict[str, Any], header: dict[str, Any] | None = None, kind: str = "event"
) -> Sent:
    lines = [json.dumps(header or {}), *(line for item in items for line in (f'{{"type":"{kind}"}}', json.dumps(item)))]
    return await send(site, "/api/PROJECT/envelope/?sentry_key=KEY", "\n".join(lines).encode())


async def test_an_event_of_io_sentry_1(site: Site) -> None:
    frame = {"filename": "Cart.java", "module": "shop.Cart", "in_app": True, "function": "total", "lineno": 17}
    raised = {
        "type": "IllegalStateException",
        "value": "order broke",
        "module": "java.lang",
        "stacktrace": {"frames": [frame]},
    }
    body = {
        "platform": "java", "level": "error", "message": "order broke", "timestamp": "2026-11-27T03:23:22",
        "sdk": {"name": "sentry-java", "version": "1.7.30"}, "event_id": "ba18174294264aaeb688c587ddcb91b5",
        "sentry.interfaces.Exception": [raised], "sentry.interfaces.User": {"id": "42"},
    }  # fmt: skip
    sent = await send(site, "/api/PROJECT/store/?sentry_key=KEY", json.dumps(body).encode())
    [made] = sent.events
    grouped = group(made)
    assert (sent.status, grouped.title) == (200, "IllegalStateException: order broke")
    assert (grouped.culprit, len(made.exceptions), made.user.id) == ("total in shop.Cart", 1, "42")


async def test_a_message_of_raven(site: Site) -> None:
    auth = (
        "Sentry sentry_timestamp=1795781872.809365, sentry_client=raven-python/6.10.0, sentry_version=6, "
        "sentry_key={}, sentry_secret=secret"
    )
    headers = {"X_Sentry_Auth": auth.format(site.project.sentry_key), "Content_Encoding": "deflate"}
    sent = await send(site, "/api/PROJECT/store/", RAVEN, Content_Type="application/octet-stream", **headers)
    [made] = sent.events
    assert (sent.status, made.sdk_name, made.release, made.user.id) == (200, "raven-python", "shop@1.0.0", "42")
    assert (made.message, made.template) == ("cleanup of 'disk' failed", "cleanup of %s failed")


async def test_a_transaction_of_sentry_python_0(site: Site) -> None:
    body = {"type": "transaction", "transaction": "/cart", "release": "a@1", "contexts": {"trace": {}}, "spans": []}
    sent = await send(site, "/api/PROJECT/store/?sentry_key=KEY", json.dumps(body).encode())
    assert (sent.status, sent.events, sent.refused) == (200, [], [Refused("timing", "filtered", "transaction")])
    sent = await envelope(site, body)
    assert (sent.status, sent.events, sent.refused) == (200, [], [Refused("timing", "filtered", "transaction")])


async def test_a_number_as_release_of_event_and_session(site: Site) -> None:
    [made] = (await envelope(site, {"release": 20260101, "environment": 7, "message": "m"})).events
    body = {"sid": "a", "started": "2026-11-27T03:39:04Z", "attrs": {"release": 20260101, "environment": 7}}
    [(facts, record)] = (await envelope(site, body, kind="session")).pairs
    update = session(facts, record.value or b"")
    assert (made.release, made.environment) == (update.release, update.environment) == ("20260101", "7")


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        (
            {"logentry": {"message": "cleanup of %(one)s: %(two)s", "params": {"one": "disk", "two": "denied"}}},
            "cleanup of disk: denied",
        ),
        ({"logentry": {"message": "{1} came before {0}", "params": ["first", "second"]}}, "second came before first"),
        ({"message": 105}, "105"),
    ],
)
async def test_messages(site: Site, fields: dict[str, Any], title: str) -> None:
    [made] = (await envelope(site, fields)).events
    assert group(made).title == title


@pytest.mark.parametrize("separators", [(",", ":"), (",\n", ":\n")])
async def test_an_event_without_an_envelope(site: Site, separators: tuple[str, str]) -> None:
    body = {
        "event_id": "dd963b4d10b54286b4996a6f1080f4b2",
        "level": "fatal",
        "exception": {"values": [{"type": "Bare", "value": "v"}]},
    }
    sent = await send(site, "/api/PROJECT/envelope/?sentry_key=KEY", json.dumps(body, separators=separators).encode())
    [made] = sent.events
    assert (sent.status, made.event_id, group(made).title) == (200, "dd963b4d10b54286b4996a6f1080f4b2", "Bare: v")


@pytest.mark.parametrize("path", ["/api/PROJECT/envelope/?sentry_key=KEY", "/entries", "/api/PROJECT/store"])
async def test_preflight_allows_the_headers_asked_for(site: Site, path: str) -> None:
    asked = "content-type,traceparent, Request-Id,tracestate, bad name,\u00e9"
    async with (
        aiohttp.ClientSession() as client,
        client.options(
            site.url + path.replace("PROJECT", "1"),
            headers={
                "Origin": "https://shop.example",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": asked,
            },
        ) as reply,
    ):
        allowed = reply.headers["Access-Control-Allow-Headers"].split(", ")
    assert {"traceparent", "request-id", "tracestate", "content-type", "x-sentry-auth", "x-apikey"} <= set(allowed)
    assert len(allowed) == len(set(allowed))
    assert "bad name" not in allowed


@pytest.mark.parametrize("own", ["Basic YWxpY2U6d29uZGVy", "Bearer abc", "Basic %%%", "Digest username=alice"])
async def test_a_sites_own_authentication_hides_no_key(site: Site, own: str) -> None:
    path = "/api/PROJECT/envelope/?sentry_key=KEY"
    sent = await send(site, path, b'{}\n{"type":"event"}\n{"message":"m"}', Authorization=own)
    assert (sent.status, len(sent.events)) == (200, 1)


async def test_an_odd_file_name_loses_no_event(site: Site) -> None:
    body = b'{}\n{"type":"event"}\n{"message":"m"}\n{"type":"attachment","length":3,"filename":"a\\ud83d.txt"}\nabc\n'
    sent = await send(site, "/api/PROJECT/envelope/?sentry_key=KEY", body)
    assert (sent.status, [made.message for made in sent.events]) == (200, ["m"])
    assert sent.refused == [Refused("other", "filtered", "attachment")]


@pytest.mark.parametrize("clock", [0, 946_684_807, "1970-01-01T00:00:12Z", "2000-01-01T00:00:00Z"])
async def test_a_clock_without_a_battery(site: Site, clock: object) -> None:
    [made] = (await envelope(site, {"message": "m", "timestamp": clock})).events
    assert made.time == made.received
    assert "the time received stands for it" in made.notes[0]


@pytest.mark.parametrize(
    ("path", "body", "content_type", "reason"),
    [
        ("/api/PROJECT/cron/nightly/KEY/", b'{"status":"ok"}', "application/json", "check_in"),
        ("/api/PROJECT/nel/?sentry_key=KEY", b"[{}]", "application/reports+json", "nel"),
        ("/api/PROJECT/csp-report/?sentry_key=KEY", b"{}", "application/csp-report", "security"),
    ],
)
async def test_addresses_that_sites_use(site: Site, path: str, body: bytes, content_type: str, reason: str) -> None:
    sent = await send(site, path, body, Content_Type=content_type)
    assert sent.status in (200, 202)
    assert sent.refused == [Refused("other", "filtered", reason)]


async def test_nil_ids_are_two_events(site: Site) -> None:
    header = {"event_id": "0" * 32}
    sent = [await envelope(site, {"message": text}, header=header) for text in ("a", "b")]
    assert len({one.pairs[0][1].key for one in sent}) == 2
    assert [one.pairs[0][0].unique for one in sent] == [False, False]


async def test_one_session_in_two_forms(site: Site) -> None:
    forms = ("18eb0bcb-7780-44b9-b779-35456ee84e93", "18eb0bcb778044b9b77935456ee84e93")
    updates = [
        {"sid": sid, "started": "2026-11-27T03:39:07Z", "status": status, "init": status == "ok"}
        for sid, status in zip(forms, ("ok", "crashed"), strict=True)
    ]
    sent = await envelope(site, *updates, kind="session")
    assert len({(record.topic, record.partition, record.key) for _, record in sent.pairs}) == 1
    known: State | None = None
    counts: dict[str, int] = {}
    for facts, record in sent.pairs:
        change = advance(known, session(facts, record.value or b""), record.offset, facts.received, None, 1)
        assert change is not None
        known = change.state
        counts |= change.counts
    assert counts == {"sessions": 1, "errored_sessions": 1, "crashed_sessions": 1}


@pytest.mark.parametrize("occurred", ["Fri, 27 Nov 2026 01:02:03 GMT", "/Date(1795741323000)/", "2026-11-27T01:02:03Z"])
async def test_times_of_raygun(site: Site, occurred: str) -> None:
    body = {"occurredOn": occurred, "details": {"error": {"className": "T", "message": "t"}}}
    sent = await send(site, "/entries", json.dumps(body).encode(), X_ApiKey=site.project.raygun_key)
    assert (sent.status, sent.events[0].happened) == (202, 1_795_741_323_000)


@pytest.mark.parametrize(("body", "status"), [({}, 400), ({"occurredOn": "x"}, 400), ({"details": {"error": {}}}, 202)])
async def test_reports_without_details_or_time(site: Site, body: dict[str, Any], status: int) -> None:
    sent = await send(site, "/entries", json.dumps(body).encode(), X_ApiKey=site.project.raygun_key)
    assert (sent.status, len(sent.events)) == (status, status == 202)
    for made in sent.events:
        assert made.time == made.received
        assert made.notes == ["occurredOn missing or cannot be read: the time received stands for it"]
