"""What real SDKs and sites send that once came out wrong, through a whole installation to its events and numbers."""

import json
import time
from collections import Counter
from urllib.parse import quote, urlsplit

import aiohttp

from tests.support.site import Site
from tests.support.truth_run import complete
from tests.system.field import ALONE, ENVELOPE, NO_EVENTS, PAIRS, Request
from tests.system.sdk_check import Api

EVENTS = len(ALONE) + 2 * len(PAIRS)
ROCKET = "\U0001f680"


async def test_what_once_came_out_wrong_is_right_in_events_groups_and_numbers(installation: Site) -> None:
    api = Api(installation, installation.new_project("field"))
    alone = [await send(installation, api, case.request) for case in ALONE]
    pairs = [[await send(installation, api, one) for one in (pair.one, pair.other)] for pair in PAIRS]
    for request in NO_EVENTS:
        await send(installation, api, request)
    await complete(installation, time.time())
    assert await api.wait_visible(EVENTS, 1), await api.found()
    await check_events(api, alone)
    await check_groups(api, pairs)
    await check_numbers(api, installation)


async def send(installation: Site, api: Api, request: Request) -> str:
    """Send one request, which must be accepted; return the id of its event, '' where the answer names none."""
    project = api.project
    names = {"id": project["id"], "key": urlsplit(project["dsn"]).username, "raygun": project["raygun_key"]}
    headers = {name: value.format(**names) for name, value in request.headers.items()}
    url = installation.ingest_url + request.path.format(**names)
    async with aiohttp.ClientSession() as client, client.post(url, data=request.body, headers=headers) as answer:
        body = await answer.text()
        assert answer.status in (200, 202), body
    return str(json.loads(body or "{}").get("id", ""))


async def check_events(api: Api, ids: list[str]) -> None:
    """Assert that each event says what was sent."""
    by_title = {hit["title"]: hit["event_id"] for hit in await api.found()}
    for case, sent in zip(ALONE, ids, strict=True):
        full = await api.get(f"/api/v1/events/{sent or by_title[case.title]}?project={api.project['id']}")
        assert full["title"] == case.title
        assert {name: full[name] for name in case.says} == case.says
    assert [hit["title"] for hit in (await api.get(f"{api.base}/search?q={quote(ROCKET)}"))["events"]] == [
        f"launch {ROCKET}"
    ]


async def check_groups(api: Api, pairs: list[list[str]]) -> None:
    """Assert which events are of one group, and that the list's default range holds every group."""
    groups = {hit["event_id"]: hit["group"] for hit in await api.found()}
    together = {pair.name: len({groups[sent] for sent in ids}) == 1 for pair, ids in zip(PAIRS, pairs, strict=True)}
    assert together == {pair.name: pair.together for pair in PAIRS}
    listed = await api.groups()
    assert sum(group["count"] + group["messages"] for group in listed) == EVENTS


async def check_numbers(api: Api, installation: Site) -> None:
    """Assert what counts as a crash or a session, what was not kept, and that every record has its outcome."""
    releases = (await api.get(f"{api.base}/releases"))["releases"]
    assert {row["release"]: (row["crashes"], row["sessions"], row["crashed_sessions"]) for row in releases} == {
        "20260101": (1, 1, 0), "session@1": (0, 1, 1), "raygun@1": (1, 0, 0),
    }  # fmt: skip
    not_kept = (await api.get(f"{api.base}/received"))["not_kept"]
    assert {row["kind"]: row["quantity"] for row in not_kept} == {"transaction": 1, "check_in": 1, "attachment": 1}
    sums: Counter[str] = Counter()
    for minute in installation.get(f"/api/v1/ledger?project={api.project['id']}")["minutes"]:
        sums.update({name: value for name, value in minute.items() if isinstance(value, int)})
    assert (sums["grouped"], sums["filtered"]) == (EVENTS + 3, 3)
    assert sums["accepted"] == EVENTS + 6


async def test_a_preflight_allows_what_is_asked_for(installation: Site) -> None:
    asked = {
        "Origin": "https://shop.example", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,traceparent,request-id",
    }  # fmt: skip
    url = installation.ingest_url + ENVELOPE.format(id=1, key="0" * 32)
    async with aiohttp.ClientSession() as client, client.options(url, headers=asked) as answer:
        allowed = answer.headers["Access-Control-Allow-Headers"].split(", ")
    assert {"content-type", "traceparent", "request-id"} <= set(allowed)
