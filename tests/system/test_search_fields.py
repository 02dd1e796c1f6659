"""Search by field, range and free text over a whole installation: on each set of stores every query finds the same."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import pytest

from tests.support.site import Site
from tests.system.sdk_check import Api

PATIENCE_SECONDS: Final = 120
PAY = {
    "exception": {"values": [{"type": "PaymentError", "value": "The card was declined at 12:03", "stacktrace": {
        "frames": [{"function": "charge", "module": "shop.billing", "filename": "shop/billing.py", "in_app": True}]}}]},
    "platform": "python", "level": "fatal", "release": "shop@1.2.0", "environment": "production",
    "user": {"id": "ada", "email": "ada@shop.example", "username": "lovelace", "ip_address": "203.0.113.9"},
    "tags": {"browser": "Firefox 130", "tier": "gold"}, "server_name": "web-1", "logger": "shop.pay",
    "request": {
        "url": "https://shop.example/pay?step=2",
        "headers": {"User-Agent": "Mozilla/5.0 (Linux; Android 14; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) "
                                  "Chrome/120.0.0.0 Mobile Safari/537.36"},
    },
    "transaction": "POST /pay",
    "contexts": {"trace": {"trace_id": "0123456789abcdef0123456789abcdef"}, "cart": {"lines": 3, "currency": "EUR"}},
}  # fmt: skip
SLOW = {
    "exception": {"values": [
        {"type": "SocketError", "value": "connection reset by peer", "mechanism": {"type": "chained"}},
        {"type": "TimeoutError", "value": "no answer: Zahlung für Käufer 🚀",
         "mechanism": {"type": "onerror", "handled": False}},
    ]},
    "platform": "javascript", "level": "error", "release": "shop@1.10.0", "environment": "canary",
    "user": {"email": "bob@shop.example"}, "tags": {"browser": "Chrome", "cart size": "7"},
}  # fmt: skip
NOTE = {"message": "stock of apples is low", "platform": "python", "level": "warning", "release": "shop@1.2.0"}
EVENTS = {"pay": PAY, "slow": SLOW, "note": NOTE}

QUERIES: Final = {
    "": {"pay", "slow", "note"},
    "release:shop@1.2.0": {"pay", "note"},
    "release:shop@1.*": {"pay", "slow", "note"},
    "-release:shop@1.2.0": {"slow"},
    "environment:canary": {"slow"},
    "env:PRODUCTION": {"pay"},
    "level:fatal": {"pay"},
    "-level:warning": {"pay", "slow"},
    "type:PaymentError": {"pay"},
    "type:Payment": set(),
    "type:Pay*": {"pay"},
    "user:ada": {"pay"},
    "user:bob@shop.example": {"slow"},
    "platform:python": {"pay", "note"},
    'culprit:"charge in shop.billing"': {"pay"},
    "url:https://shop.example/pay": set(),
    "url:https://shop.example/pay*": {"pay"},
    "server:web-1": {"pay"},
    "unhandled:true": {"slow"},
    "unhandled:false level:fatal": {"pay"},
    "message:declined": {"pay"},
    'message:"was declined"': {"pay"},
    'message:"declined was"': set(),
    'tag.browser:"firefox 130"': {"pay"},
    "tag.browser:Firefox": set(),
    "browser:Chrome": {"slow"},
    'tag."cart size":7': {"slow"},
    "tier:gold release:shop@1.2.0 -user:bob": {"pay"},
    "card declined": {"pay"},
    '"the card"': {"pay"},
    '"card the"': set(),
    "shop.billing": {"pay"},
    "charg*": {"pay"},
    "käufer": {"slow"},
    "KÄUFER zahlung": {"slow"},
    "type:SocketError": {"slow"},
    'message:"reset by peer"': {"slow"},
    '"connection reset"': {"slow"},
    "message:charge": set(),
    "function:charge": {"pay"},
    "file:billing.py": {"pay"},
    "file:shop/billing.py": {"pay"},
    "function:billing": set(),
    "user:ada@shop.example": {"pay"},
    "user:lovelace": {"pay"},
    "user:203.0.113.9": {"pay"},
    "user.id:ada": {"pay"},
    "user.email:*@shop.example": set(),
    "user.email:bob*": {"slow"},
    "user.username:lovelace -user.ip:203.0.113.9": set(),
    'transaction:"POST /pay"': {"pay"},
    "logger:shop.pay": {"pay"},
    "trace:0123456789abcdef0123456789abcdef": {"pay"},
    "os.name:Android": {"pay"},
    "os.version:14": {"pay"},
    "browser.name:chrome*": {"pay"},
    'device.model:"Pixel 7"': {"pay"},
    "cart.lines:3 cart.currency:eur": {"pay"},
    "context.cart.lines:4": set(),
    "handled:false": {"slow"},
    "handled:unknown": {"pay"},
    "handled:true": set(),
    "is:unresolved": {"pay", "slow", "note"},
    "is:new level:fatal": {"pay"},
    "is:resolved": set(),
    "-is:ignored apples": {"note"},
    "🚀": {"slow"},
    "käufer 🚀 -?": {"slow"},
    "🔥": set(),
    "apples -low": set(),
    "apples": {"note"},
    "nothing-of-this": set(),
}


@pytest.fixture
async def sent(installation: Site) -> tuple[Api, dict[str, str]]:
    """Send the events, wait until search lists them, and return the name of each id."""
    project = installation.new_project("search fields")
    key, names = project["dsn"].split("//")[1].split("@")[0], dict[str, str]()
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        address = f"{installation.ingest_url}/api/{project['id']}/store/?sentry_key={key}"
        for name, event in EVENTS.items():
            async with session.post(address, json=event) as answer:
                names[(await answer.json())["id"]] = name
    api, end = Api(installation, project), time.monotonic() + PATIENCE_SECONDS
    while len(await _found(api, names, "")) < len(EVENTS):
        assert time.monotonic() < end
        await asyncio.sleep(0.1)
    return api, names


async def test_every_query_finds_what_it_says(sent: tuple[Api, dict[str, str]]) -> None:
    api, names = sent
    found = {query: set(await _found(api, names, query)) for query in QUERIES}
    assert found == QUERIES


async def test_groups_are_searched_and_unknown_names_are_said(sent: tuple[Api, dict[str, str]]) -> None:
    api, names = sent
    hits = {names[hit["event_id"]]: hit["group"] for hit in await api.found()}
    assert len(set(hits.values())) == len(EVENTS)
    for query in QUERIES:
        reply = await api.get(f"{api.base}/groups?q={quote(query)}")
        assert {row["id"] for row in reply["groups"]} == {hits[name] for name in QUERIES[query]}, query
    page = await api.get(f"{api.base}/search?q={quote('teir:gold -nosuch:x')}")
    assert [name["field"] for name in page["unknown"]] == ["teir", "nosuch"]
    assert page["unknown"][0]["similar"][0] == "tier"
    assert (await api.get(f"{api.base}/search?q={quote('tier:silver os.name:BeOS')}"))["unknown"] == []


async def test_groups_ids_and_ranges(sent: tuple[Api, dict[str, str]]) -> None:
    api, names = sent
    hits = {hit["event_id"]: hit for hit in await api.found()}
    for event_id, name in names.items():
        assert await _found(api, names, event_id) == await _found(api, names, f"event:{event_id}") == [name]
        assert await _found(api, names, f"group:{hits[event_id]['group']}") == [name]
    first = min(datetime.fromisoformat(hit["time"]).timestamp() for hit in hits.values())
    minute = first // 60 * 60
    assert await _found(api, names, "", start=minute - 3600, end=minute) == []
    assert set(await _found(api, names, "", start=minute, end=minute + 3600)) == set(EVENTS)
    paged = await api.get(f"{api.base}/search?limit=2")
    rest = await api.get(f"{api.base}/search?limit=2&cursor={paged['next']}")
    assert (paged["total"], len(paged["events"]), len(rest["events"])) == (3, 2, 1)
    assert {hit["event_id"] for hit in (*paged["events"], *rest["events"])} == set(names)


async def _found(
    api: Api, names: dict[str, str], query: str, start: float | None = None, end: float | None = None
) -> list[str]:
    span = "" if start is None or end is None else f"&from={_iso(start)}&to={_iso(end)}"
    page: dict[str, Any] = await api.get(f"{api.base}/search?q={quote(query)}{span}&limit=50")
    return [names[hit["event_id"]] for hit in page["events"]]


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
