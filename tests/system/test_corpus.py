"""The recorded requests of real SDKs, sent again: each is answered, counted and grouped, and no secret stays."""

import asyncio
import json
import os
import re
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import pytest

from tests.system import corpus
from tests.system.installation import Installation
from tests.system.recorder import items, payloads
from tests.system.sdk_check import Api

PATIENCE_SECONDS = 60
SOURCES = ("crashes", "sessions", "timings")
ENDINGS = ("exited", "errored", "abnormal", "crashed", "unhandled")
FILTERED = b"[Filtered]"
BROKEN = b"""{}
{"type":"event"}
{"message":"cut off","extra":{"password":"hunter2","card":"4111111111111111","sent":"Bearer abc.def.ghi"},"tags":{"""

pytestmark = pytest.mark.skipif(not corpus.FILES, reason=corpus.ABSENT)


@pytest.fixture
async def sent(database: str, tmp_path: Path) -> AsyncIterator[tuple[Installation, list[corpus.Recorded]]]:
    """An installation on a database that the test can read, with every recorded request sent and answered."""
    installation = Installation(tmp_path / "data", {"FAULTLINE_DATABASE": database})
    await asyncio.to_thread(installation.start)
    try:
        requests = list(corpus.recorded(installation.project))
        await _send(installation.url, requests)
        yield installation, requests
    finally:
        await asyncio.to_thread(installation.stop)


async def _send(url: str, requests: list[corpus.Recorded]) -> None:
    automatic = ["Accept", "Accept-Encoding", "Content-Type", "User-Agent"]
    async with aiohttp.ClientSession(skip_auto_headers=automatic) as session:
        for request in requests:
            async with session.request(
                request.method, url + request.path, data=request.body or None, headers=request.headers
            ) as answer:
                assert answer.status == request.status, (request.name, await answer.text())


async def test_each_is_answered_counted_and_grouped_and_no_secret_stays(
    sent: tuple[Installation, list[corpus.Recorded]], database: str
) -> None:
    installation, requests = sent
    api = Api(installation, installation.project)
    events = await _events(api, len(_event_ids(requests)))
    await _check_groups(api, events)
    await _check_sessions(api, requests)
    await _check_dead_letter(installation, database)
    await _check_tables(database)
    await _archived(installation.data / "files")
    await asyncio.to_thread(_check_files, installation.data)
    await asyncio.to_thread(_check_pages, installation, events)


def _event_ids(requests: list[corpus.Recorded]) -> set[str]:
    """Give what tells the events apart: Sentry's ids, whole reports of Raygun."""
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
    """Each event is in a listed group; those of equal exceptions and frames share one; each crash counts once."""
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
    """Each session counts once, whatever updates came; aggregates count what they say."""
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


async def _check_dead_letter(installation: Installation, database: str) -> None:
    """A report that is cut off becomes a dead letter; what is shown of it holds no secret either."""
    async with aiohttp.ClientSession() as session:
        address = f"{installation.url}/api/{installation.project['id']}/envelope/"
        key = urlsplit(installation.project["dsn"]).username
        async with session.post(f"{address}?sentry_key={key}", data=BROKEN) as answer:
            assert answer.status == 200
    end, listed, found = time.monotonic() + PATIENCE_SECONDS, "", None
    while found is None:
        assert time.monotonic() < end, listed
        listed = await _faultline(installation, database, "dead-letters", "list")
        found = re.search(r"(\S+\.crashes)/(\d+)/(\d+)", listed)
    shown = await _faultline(installation, database, "dead-letters", "show", *found.groups())
    assert "cut off" in shown
    _clean([listed, shown], "dead-letters")


async def _faultline(installation: Installation, database: str, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "faultline"), *arguments, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "FAULTLINE_DATA": str(installation.data), "FAULTLINE_DATABASE": database, "COLUMNS": "200"},
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


async def _check_tables(database: str) -> None:
    """No secret is in any row of any table; those of the log's source topics alone hold what was sent."""
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as pool, pool.acquire() as connection:
        await _check_rows(connection)


async def _check_rows(connection: Any) -> None:  # noqa: ANN401  a connection of a pool, which asyncpg wraps
    sources = "topic_id in (select id from log_topics where split_part(name, '.', 2) = any($1))"
    tables = await connection.fetch(
        "select c.oid::regclass::text as name,"
        " array(select quote_ident(attname) from pg_attribute a where a.attrelid = c.oid"
        "       and atttypid = 'bytea'::regtype and attnum > 0 and not attisdropped) as blobs"
        " from pg_class c where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace"
    )
    assert len(tables) > 10
    for name, blobs in tables:
        where = f" where not {sources}" if name == "log_records" else " where $1::text[] is not null"
        for expression in ("t::text", *blobs):
            rows = await connection.fetch(f"select {expression} from {name} t{where}", list(SOURCES))  # noqa: S608  names of the catalogue
            _clean((row[0] for row in rows), f"{name}.{expression}")
    # The same look finds them where they are, and sees through what is packed.
    raw = await connection.fetch(f"select value from log_records where {sources}", list(SOURCES))  # noqa: S608  as above
    assert any(corpus.SECRETS.search(row[0]) for row in raw)
    packed = await connection.fetch(f"select value from log_records where not {sources}", list(SOURCES))  # noqa: S608  as above
    assert any(FILTERED in layer for row in packed for layer in corpus.layers(row[0] or b""))


async def _archived(folder: Path) -> None:
    """Wait until the archive has written its tail, which the look for secrets then sees through."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not any(FILTERED in layer for content in _files(folder) for layer in corpus.layers(content)):
        assert time.monotonic() < end, "the archive holds no report"
        await asyncio.sleep(0.2)


def _check_files(data: Path) -> None:
    """No secret is in any file."""
    for folder in data.iterdir():
        _clean(_files(folder), str(folder))


def _files(path: Path) -> Iterator[bytes]:
    for file in [path, *path.rglob("*")]:
        if file.is_file():
            yield file.read_bytes()


def _check_pages(installation: Installation, events: list[dict[str, Any]]) -> None:
    """No secret is on any page or in any reply, for each event and group."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    home = browser.open(installation.facts["sign_in"], timeout=30).read()
    project = installation.project["id"]
    pages = {f"/projects/{project}", f"/projects/{project}/search", f"/projects/{project}/releases", "/pipeline"}
    for event in events:
        address = event["address"]
        pages |= {f"/events/{event['event_id']}", f"/groups/{event['group']}"}
        pages |= {f"/api/v1{page}" for page in (f"/events/{event['event_id']}", f"/events/{event['event_id']}/raw")}
        pages |= {f"/files/{address['topic']}/{address['partition']}/{address['offset']}"}
    assert installation.project["name"].encode() in home
    for page in sorted(pages):
        _clean([browser.open(installation.url + page, timeout=30).read()], page)


def _clean(contents: Any, where: str) -> None:  # noqa: ANN401  an iterable of text, bytes or None
    for content in contents:
        for layer in corpus.layers(content.encode() if isinstance(content, str) else content or b""):
            found = corpus.SECRETS.search(layer)
            assert found is None, f"{where}: {layer[max(0, found.start() - 100) : found.end() + 20]!r}"


def _days_ago(days: int) -> str:
    return datetime.fromtimestamp(time.time() - days * 86_400, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
