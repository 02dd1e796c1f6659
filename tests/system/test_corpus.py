"""The recorded requests of real SDKs, sent again: each is answered, counted and grouped, and no secret is stored."""

import asyncio
import json
import re
import time
import urllib.request
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from http.cookiejar import CookieJar
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.support.site import Site
from tests.system import corpus, kept
from tests.system.recorder import items, payloads
from tests.system.sdk_check import Api

PATIENCE_SECONDS = 120
ENDINGS = ("exited", "errored", "abnormal", "crashed", "unhandled")
FILTERED = b"[Filtered]"
BROKEN = b"""{}
{"type":"event"}
{"message":"cut off","extra":{"password":"hunter2","card":"4111111111111111","sent":"Bearer abc.def.ghi"},"tags":{"""

pytestmark = pytest.mark.skipif(not corpus.FILES, reason=corpus.ABSENT)


class Case(NamedTuple):
    """An installation, its project that only this test sends to, and what was sent there."""

    site: Site
    project: dict[str, Any]
    requests: list[corpus.Recorded]


@pytest.fixture
async def sent(installation: Site) -> Case:
    """Send every recorded request, and see each answered."""
    project = installation.new_project("corpus")
    requests = list(corpus.recorded(project))
    await _send(installation.ingest_url, requests)
    return Case(installation, project, requests)


async def _send(url: str, requests: list[corpus.Recorded]) -> None:
    automatic = ["Accept", "Accept-Encoding", "Content-Type", "User-Agent"]
    async with aiohttp.ClientSession(skip_auto_headers=automatic) as session:
        for request in requests:
            async with session.request(
                request.method, url + request.path, data=request.body or None, headers=request.headers
            ) as answer:
                assert answer.status == request.status, (request.name, await answer.text())


async def test_each_is_answered_counted_and_grouped_and_no_secret_is_stored(sent: Case) -> None:
    api = Api(sent.site, sent.project)
    events = await _events(api, len(_event_ids(sent.requests)))
    await _check_groups(api, events)
    await _check_sessions(api, sent.requests)
    await _check_dead_letter(sent)
    await _check_stores(sent.site, len(events))
    await asyncio.to_thread(_clean, kept.files(sent.site.folder))
    await asyncio.to_thread(_check_pages, sent, events)


def _event_ids(requests: list[corpus.Recorded]) -> set[str]:
    """Return what tells the events apart: Sentry's ids, whole reports of Raygun."""
    found = [json.loads(payload) for request in requests for payload in payloads(request.sent())]
    return {report.get("event_id") or json.dumps(report) for report in found}


async def _events(api: Api, count: int) -> list[dict[str, Any]]:
    """Wait until search lists so many events, and give them in full."""
    end, found = time.monotonic() + PATIENCE_SECONDS, list[dict[str, Any]]()
    while len(found) < count and time.monotonic() < end:
        await asyncio.sleep(0.1)
        found = [hit async for hit in _search(api)]
    assert len(found) == len({hit["event_id"] for hit in found}) == count
    return [await api.get(f"/api/v1/events/{hit['event_id']}") for hit in found]


async def _search(api: Api) -> AsyncIterator[dict[str, Any]]:
    cursor = ""
    while True:
        page = await api.get(f"{api.base}/search?from={_days_ago(32)}&limit=50&cursor={cursor}")
        for hit in page["events"]:
            yield hit
        cursor = page["next"]
        if not cursor:
            return


async def _check_groups(api: Api, events: list[dict[str, Any]]) -> None:
    """Assert that each event is in a listed group, equal ones share a group, and each crash counts once."""
    end, counts = time.monotonic() + PATIENCE_SECONDS, dict[str, int]()
    while sum(counts.values()) != len(events):
        assert time.monotonic() < end, f"{sum(counts.values())} counted of {len(events)}"
        listed = (await api.get(f"{api.base}/groups?from={_days_ago(32)}&limit=100"))["groups"]
        counts = {group["id"]: group["count"] + group["messages"] for group in listed}
    assert {event["group"] for event in events} == set(counts)
    alike = defaultdict(set)
    for event in events:
        alike[_cause(event)].add(event["group"])
    assert all(len(groups) == 1 for groups in alike.values()), alike
    assert len(counts) < len(events)


def _cause(event: dict[str, Any]) -> str:
    raised = [(item["type"], item["value"], _frames(item)) for item in event["exceptions"]]
    return json.dumps([event["sdk"]["name"], raised, event["message"], event["fingerprint"]])


def _frames(raised: dict[str, Any]) -> list[object]:
    return [(frame["function"], frame["module"], frame["file"], frame["line"]) for frame in raised["frames"]]


async def _check_sessions(api: Api, requests: list[corpus.Recorded]) -> None:
    """Assert that each session counts once, whatever its updates, and aggregates by their counts."""
    single, aggregates = set(), 0
    for request in requests:
        if "/envelope/" in request.path:
            for header, payload in items(request.sent().unpacked):
                if header["type"] == "session":
                    single.add(json.loads(payload)["sid"])
                if header["type"] == "sessions":
                    aggregates += sum(_sessions(row) for row in json.loads(payload)["aggregates"])
    end, counted = time.monotonic() + PATIENCE_SECONDS, -1
    while counted != len(single) + aggregates:
        assert time.monotonic() < end, f"{counted} sessions counted, sent {len(single)} + {aggregates}"
        points = (await api.get(f"{api.base}/rates?window=1d&from={_days_ago(32)}"))["points"]
        counted = sum(point["sessions"] for point in points)


def _sessions(row: dict[str, Any]) -> int:
    return sum(int(row.get(name, 0)) for name in ENDINGS)


async def _check_dead_letter(sent: Case) -> None:
    """Assert that a truncated report becomes a dead letter whose excerpt holds no secret."""
    async with aiohttp.ClientSession() as session:
        address = f"{sent.site.ingest_url}/api/{sent.project['id']}/envelope/"
        key = urlsplit(sent.project["dsn"]).username
        async with session.post(f"{address}?sentry_key={key}", data=BROKEN) as answer:
            assert answer.status == 200
    arguments = ("dead-letters", "list", "--project", str(sent.project["id"]))
    end, listed, found = time.monotonic() + PATIENCE_SECONDS, "", None
    while found is None:
        assert time.monotonic() < end, listed
        listed = await asyncio.to_thread(sent.site.command, *arguments)
        found = re.search(r"(\S+\.crashes)/(\d+)/(\d+)", listed)
    shown = await asyncio.to_thread(sent.site.command, "dead-letters", "show", *found.groups())
    assert "cut off" in shown
    _clean([("dead-letters list", listed), ("dead-letters show", shown)])


async def _check_stores(site: Site, events: int) -> None:
    """Assert that no secret is in any store but in the log's source topics."""
    settings = site.settings
    await _archived(site)
    _clean([each async for each in kept.rows(settings["FAULTLINE_DATABASE"])])
    _clean([each async for each in kept.objects(settings, site.folder)])
    documents = [each async for each in kept.documents(settings)]
    assert not documents or len(documents) >= events
    _clean(documents)
    derived = [each async for each in kept.records(settings, sources=False)]
    _clean(derived)
    # The same search finds secrets in the source topics, and unpacks what is packed.
    assert any(FILTERED in layer for _, content in derived for layer in _layers(content))
    raw = [each async for each in kept.records(settings, sources=True)]
    assert any(corpus.SECRETS.search(layer) for _, content in raw for layer in _layers(content))


async def _archived(site: Site) -> None:
    """Wait until the archive has written the last reports, which are then searched for secrets."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not [
        layer
        async for _, content in kept.objects(site.settings, site.folder)
        for layer in _layers(content)
        if FILTERED in layer
    ]:
        assert time.monotonic() < end, "the archive holds no report"
        await asyncio.sleep(0.2)


def _check_pages(sent: Case, events: list[dict[str, Any]]) -> None:
    """Assert that no page and no reply of any event and group holds a secret."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    home = browser.open(sent.site.sign_in(), timeout=30).read()
    project = sent.project["id"]
    pages = {f"/projects/{project}{page}" for page in ("", "/search", "/releases", "/performance")} | {"/pipeline"}
    pages.add(f"/api/v1/projects/{project}/timings")
    for event in events:
        address = event["address"]
        pages |= {f"/events/{event['event_id']}", f"/groups/{event['group']}"}
        pages |= {f"/api/v1{page}" for page in (f"/events/{event['event_id']}", f"/events/{event['event_id']}/raw")}
        pages |= {f"/files/{address['topic']}/{address['partition']}/{address['offset']}"}
    assert sent.project["name"].encode() in home
    _clean((page, browser.open(sent.site.url + page, timeout=30).read()) for page in sorted(pages))


def _clean(found: Iterable[kept.Kept]) -> None:
    for where, content in found:
        for layer in _layers(content):
            secret = corpus.SECRETS.search(layer)
            assert secret is None, f"{where}: {layer[max(0, secret.start() - 100) : secret.end() + 20]!r}"


def _layers(content: bytes | str | None) -> Iterable[bytes]:
    return corpus.layers(content.encode() if isinstance(content, str) else content or b"")


def _days_ago(days: int) -> str:
    return datetime.fromtimestamp(time.time() - days * 86_400, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
