"""Replies that SDKs rely on, and the facts that ingest writes into a record."""

import asyncio
import re
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from io import BytesIO
from typing import cast

import aiohttp
import pytest

from app.ingest import edge
from app.ingest.replies import GIF
from app.log.contract import Log, LogError, LogFull, LogSealed, LogUnavailable, NewRecord
from app.model import Facts, Refused
from app.settings import Settings
from app.topics import identity, partition_of
from tests.integration.ingest_site import PARTITIONS, Site, running_ingest, serving

REPORT = b'{"occurredOn":"2026-11-24T06:55:10.070Z","details":{"error":{"message":"boom"}}}'
EVENT = b'{"type":"event"}\n{"event_id":"11111111111111111111111111111111"}\n'


@pytest.fixture
async def site(database: str) -> AsyncIterator[Site]:
    async with running_ingest(database, trusted_proxies="127.0.0.0/8") as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def envelope_url(site: Site, *, query: bool = True) -> str:
    url = f"{site.url}/api/{site.project.id}/envelope/"
    return f"{url}?sentry_key={site.project.sentry_key}" if query else url


async def only_facts(site: Site) -> Facts:
    ((facts, _),) = (await site.records()).values()
    return facts


async def test_the_facts_of_an_event(site: Site, client: aiohttp.ClientSession) -> None:
    header = b'{"event_id":"01234567-89AB-CDEF-0123-456789abcdef","sent_at":"1970-01-01T00:00:02.5Z"}\n'
    headers = {"X-Forwarded-For": "9.9.9.9, 203.0.113.9", "User-Agent": "sentry.python/2", "Authorization": "Basic x"}
    async with client.post(envelope_url(site), data=header + EVENT, headers=headers) as reply:
        assert await reply.json() == {"id": "0123456789abcdef0123456789abcdef"}
        assert "Content-Encoding" not in reply.headers
    ((address, (facts, record)),) = (await site.records()).items()
    assert facts == Facts(
        site.project.id, "sentry", "error", "0123456789abcdef0123456789abcdef", facts.received,
        sent=2500, grouping="g2", peer="203.0.113.9", user_agent="sentry.python/2",
    )  # fmt: skip
    assert record.stamp == facts.received
    assert record.key == identity(site.project.id, facts.event_id)
    assert address.topic == "1.crashes"
    assert address.partition == partition_of(record.key, PARTITIONS)
    assert record.value == b'{"event_id":"11111111111111111111111111111111"}'


async def test_ids_of_events(site: Site, client: aiohttp.ClientSession) -> None:
    async with client.post(envelope_url(site), data=b"{}\n" + EVENT) as reply:
        assert await reply.json() == {"id": "1" * 32}
    async with client.post(envelope_url(site), data=b'{}\n{"type":"event"}\n{}') as reply:
        made_up = (await reply.json())["id"]
    assert re.fullmatch("[0-9a-f]{32}", made_up)
    stored = {facts.event_id: facts.unique for facts, _ in (await site.records()).values()}
    assert stored == {"1" * 32: True, made_up: False}


async def test_all_records_of_a_session_share_a_key(site: Site, client: aiohttp.ClientSession) -> None:
    for status in ("ok", "exited"):
        item = b'{}\n{"type":"session"}\n{"sid":"A-1","status":"%s"}' % status.encode()
        async with client.post(envelope_url(site), data=item) as reply:
            assert await reply.text() == "{}"
    pairs = list((await site.records()).values())
    assert {record.key for _, record in pairs} == {identity(site.project.id, "s:A-1")}
    assert {(facts.kind, facts.event_id, facts.unique) for facts, _ in pairs} == {("session", "A-1", True)}


async def test_what_is_not_kept_is_counted_in_one_record(site: Site, client: aiohttp.ClientSession) -> None:
    kinds = ['"log","item_count":7', '"transaction"', '"attachment"', '"ä"', '"attachment"']
    items = [b'{"type":%s}\n{}' % kind.encode() for kind in kinds]
    async with client.post(envelope_url(site), data=b'{"event_id":"%s"}\n' % (b"2" * 32) + b"\n".join(items)) as reply:
        assert await reply.json() == {"id": "2" * 32}
    facts = await only_facts(site)
    assert (facts.kind, facts.unique) == ("refused", False)
    assert facts.event_id != "2" * 32
    assert facts.refused == (
        Refused("other", "filtered", "log", 7),
        Refused("timing", "filtered", "transaction"),
        Refused("other", "filtered", "attachment", 2),
        Refused("other", "filtered", "unknown"),
    )


async def test_equal_reports_with_fractions_of_a_second_are_duplicates(
    site: Site, client: aiohttp.ClientSession
) -> None:
    headers = {"X-ApiKey": site.project.raygun_key}
    for body in (REPORT, REPORT, REPORT.replace(b".070Z", b""), REPORT.replace(b".070Z", b"")):
        async with client.post(f"{site.url}/entries", data=body, headers=headers) as reply:
            assert (reply.status, await reply.read()) == (202, b"")
    stored = [facts for facts, _ in (await site.records()).values()]
    assert sorted(facts.unique for facts in stored) == [False, False, True, True]
    assert len({facts.event_id for facts in stored}) == 3


async def test_x_remote_address_is_the_peer(site: Site, client: aiohttp.ClientSession) -> None:
    headers = {"X-ApiKey": site.project.raygun_key, "X-Remote-Address": "203.0.113.7"}
    async with client.post(f"{site.url}/entries/", data=REPORT, headers=headers) as reply:
        assert reply.status == 202
    assert (await only_facts(site)).peer == "203.0.113.7"


async def test_events_that_are_no_timings_are_counted(site: Site, client: aiohttp.ClientSession) -> None:
    url = f"{site.url}/events?apikey={site.project.raygun_key}"
    events = b'[{"data":"\\ud800"},{},{"type":"session_start","sessionId":"a"},{"type":"session_end"}]'
    async with client.post(url, data=b'{"eventData":%s}' % events) as reply:
        assert reply.status == 202
    refused = (await only_facts(site)).refused
    assert refused == (Refused("timing", "filtered", "rum", 2), Refused("session", "filtered", "raygun_session", 2))


async def test_each_timing_is_a_record_and_a_retry_has_its_id(site: Site, client: aiohttp.ClientSession) -> None:
    url = f"{site.url}/events?apikey={site.project.raygun_key}"
    times = [b'"2026-11-24T06:55:32.040Z"', b'"2026-11-24T06:55:32.041Z"', b'"2026-11-24T06:55:32Z"', b"NaN"]
    events = [b'{"type":"web_request_timing", "timestamp":%s}' % time for time in times]
    for body in (b",".join(events[:2]), b",".join(events[:2]), events[2], events[2], events[3]):
        async with client.post(url, data=b'{"eventData":[%s]}' % body) as reply:
            assert reply.status == 202
    stored = list((await site.records()).values())
    assert {record.topic for _, record in stored} == {"1.timings"}
    assert {(facts.kind, facts.category) for facts, _ in stored} == {("timing", "timing")}
    assert Counter(facts.unique for facts, _ in stored) == {True: 4, False: 3}
    assert len({facts.event_id for facts, _ in stored}) == 5
    assert [record.value for facts, record in stored if facts.unique].count(events[0]) == 2


async def test_a_thousand_timings_of_a_request_are_kept(site: Site, client: aiohttp.ClientSession) -> None:
    url = f"{site.url}/events?apikey={site.project.raygun_key}"
    event = b'{"type":"mobile_event_timing"}'
    async with client.post(url, data=b'{"eventData":[%s]}' % b",".join([event] * 1003)) as reply:
        assert reply.status == 202
    stored = Counter((facts.kind, facts.refused) for facts, _ in (await site.records()).values())
    assert stored == {("timing", ()): 1000, ("refused", (Refused("timing", "filtered", "too_many_items", 3),)): 1}


async def test_browsers_get_no_body(site: Site, client: aiohttp.ClientSession) -> None:
    async with client.post(envelope_url(site), data=b"{}\n" + EVENT, headers={"Origin": "http://a"}) as reply:
        assert (reply.status, await reply.read()) == (200, b"")
        assert reply.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


@pytest.mark.parametrize("path", ["/entries", "/entries/bulk", "/events", "/api/1/envelope/", "/api/1/store"])
async def test_preflight(site: Site, client: aiohttp.ClientSession, path: str) -> None:
    asks = {"Origin": "http://a", "Access-Control-Request-Method": "POST"}
    async with client.options(site.url + path, headers=asks) as reply:
        assert reply.status == 200
        assert reply.headers["Access-Control-Allow-Origin"] == "*"
        assert {"x-remote-address", "x-sentry-auth", "content-type"} <= set(
            reply.headers["Access-Control-Allow-Headers"].split(", ")
        )


async def test_the_pixel(site: Site, client: aiohttp.ClientSession) -> None:
    url = f"{site.url}/api/{site.project.id}/store/"
    query = {"sentry_key": site.project.sentry_key, "sentry_data": '{"event_id":"' + "3" * 32 + '"}'}
    async with client.get(url, params=query) as reply:
        assert (reply.headers["Content-Type"], await reply.read()) == ("image/gif", GIF)
    assert (await only_facts(site)).event_id == "3" * 32


@pytest.mark.parametrize("path", ["minidump/", "unreal/KEY"])
async def test_minidumps_are_counted(site: Site, client: aiohttp.ClientSession, path: str) -> None:
    url = f"{site.url}/api/{site.project.id}/{path.replace('KEY', site.project.sentry_key)}"
    form = aiohttp.FormData()
    form.add_field("upload_file_minidump", b"MDMP" + b"\0" * 100, filename="a.dmp")
    query = {} if "unreal" in path else {"sentry_key": site.project.sentry_key}
    async with client.post(url, params=query, data=form) as reply:
        assert reply.status == 200
        assert uuid.UUID(await reply.text())
    assert (await only_facts(site)).refused == (Refused("error", "filtered", "minidump"),)


async def test_security_reports_are_counted(site: Site, client: aiohttp.ClientSession) -> None:
    url = f"{site.url}/api/{site.project.id}/security/?sentry_key={site.project.sentry_key}"
    for content_type, body in (("application/csp-report", b"{}"), ("application/reports+json", b"[{}]")):
        async with client.post(url, data=body, headers={"Content-Type": content_type}) as reply:
            assert reply.status == 200
    assert {facts.refused for facts, _ in (await site.records()).values()} == {
        (Refused("other", "filtered", "security"),)
    }


async def test_concurrent_requests_are_all_kept(site: Site, client: aiohttp.ClientSession) -> None:
    async def post(number: int) -> None:
        async with client.post(envelope_url(site), data=b'{"event_id":"%032x"}\n' % number + EVENT) as reply:
            assert reply.status == 200

    await asyncio.gather(*(post(number) for number in range(200)))
    assert {int(facts.event_id, 16) for facts, _ in (await site.records()).values()} == set(range(200))


async def test_a_body_over_the_budget_is_refused_with_503(database: str, client: aiohttp.ClientSession) -> None:
    async with running_ingest(database, body_memory_mb=1) as site:
        for _ in range(3):
            async with client.post(envelope_url(site), data=BytesIO(b"{}\n" + b" " * (1 << 20))) as reply:
                assert reply.status == 503
                assert reply.headers["X-Sentry-Error"] == "overloaded"
        async with client.post(envelope_url(site), data=b"{}\n" + b" " * 1_000_000) as reply:
            assert reply.status == 200


class Appendless:
    """A log without the method that ingest calls: an internal error."""

    def full(self) -> bool:
        return False


class Refusing:
    """A log whose append raises, or never returns."""

    def __init__(self, error: LogError | None) -> None:
        self.error = error
        self.appends: list[int] = []

    def full(self) -> bool:
        return False

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        self.appends.append(len(records))
        if self.error is None:
            await asyncio.Event().wait()
        raise self.error or AssertionError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LogFull("full"), "log_full"),
        (LogUnavailable("away"), "log_unavailable"),
        (LogSealed("sealed"), "log_sealed"),
        (LogError("other"), "log_error"),
        (None, "append_timeout"),
    ],
)
async def test_a_failed_append_refuses_the_whole_request(
    site: Site, client: aiohttp.ClientSession, error: LogError | None, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "APPEND_SECONDS", 0.2)
    log = Refusing(error)
    async with serving(_as_log(log), site.projects, Settings()) as url:
        sentry = f"{url}/api/{site.project.id}/envelope/?sentry_key={site.project.sentry_key}"
        item = b'{"type":"session"}\n{"sid":"1"}\n'
        async with client.post(sentry, data=b"{}\n" + EVENT + item) as reply:
            assert reply.status == 503
            assert int(reply.headers["Retry-After"]) > 0
            assert (await reply.json())["causes"] == [code]
        assert log.appends == [2]
        raygun = f"{url}/entries?apikey={site.project.raygun_key}"
        async with client.post(raygun, data=REPORT, headers={"User-Agent": "okhttp/4.12.0"}) as reply:
            assert (reply.status, "Retry-After" in reply.headers) == (429, True)
        async with client.post(raygun, data=REPORT) as reply:
            assert (reply.status, (await reply.json())["error"]["code"]) == (503, code)


async def test_an_internal_error_has_a_code_and_quotes_nothing(site: Site, client: aiohttp.ClientSession) -> None:
    async with serving(_as_log(Appendless()), site.projects, Settings()) as url:  # noqa: SIM117  the second needs the first
        async with client.post(f"{url}/entries?apikey={site.project.raygun_key}", data=REPORT) as reply:
            assert reply.status == 500
            assert await reply.json() == {"error": {"code": "internal", "message": "ingest failed on this request"}}


def _as_log(log: object) -> Log:
    return cast("Log", log)
