"""Timings over the real server: percentiles by name, in the API and on the page."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.web_site import Site

STOCK = "shop.example/api/stock"


def event(
    items: list[tuple[str, str, float]], *, release: str = "1.0", ago: timedelta = timedelta(0)
) -> dict[str, Any]:
    """Return one event of raygun4js; ``items`` are (kind, path, ms)."""
    site = {"w": ""}
    data = [
        {"url": site.get(kind, "https://shop.example") + path, "timing": {"t": kind, "du": f"{ms}"}}
        for kind, path, ms in items
    ]
    time = (datetime.now(UTC) - ago).isoformat(timespec="microseconds")
    return {"type": "web_request_timing", "timestamp": time, "version": release, "data": json.dumps(data)}


async def send(site: Site, *events: dict[str, Any]) -> None:
    url = f"{site.url}/events?apikey={site.project.raygun_key}"
    async with site.http.post(url, data=json.dumps({"eventData": events})) as answer:
        assert answer.status == 202


async def test_percentiles_by_name(site: Site) -> None:
    chance = random.Random(1)
    pages = [round(chance.lognormvariate(5, 1), 1) for _ in range(200)]
    for at in range(0, 200, 20):
        await send(site, event([("p", f"/orders/{n}", ms) for n, ms in enumerate(pages[at : at + 20])]))
    await send(site, event([("x", "/api/stock", 7.5)], release="2.0"))
    await site.pipeline.step()
    reply = await site.get(f"{site.api}/timings")
    page, request = reply["timings"]
    assert (page["name"], page["kind"], page["count"]) == ("/orders/{id}", "page", 200)
    for share in (50, 75, 95, 99):
        assert page[f"p{share}"] == pytest.approx(sorted(pages)[share * 199 // 100], rel=0.0101)
    assert (request["name"], request["count"], request["p99"]) == (
        "shop.example/api/stock",
        1,
        pytest.approx(7.5, 0.01),
    )
    assert (reply["total"], reply["complete_until"] is not None, set(reply["sizes"]) <= {60, 3600, 86400}) == (
        2,
        True,
        True,
    )
    assert [row["name"] for row in (await site.get(f"{site.api}/timings", release="2.0"))["timings"]] == [
        "shop.example/api/stock"
    ]
    assert [row["kind"] for row in (await site.get(f"{site.api}/timings", kind="page"))["timings"]] == ["page"]
    assert (await site.get(f"{site.api}/timings", limit="1"))["timings"] == [page]
    assert await site.refused("GET", f"{site.api}/timings", None, {"kind": "p"}) == (400, "bad_kind")


async def test_ranges_sum_days_hours_and_minutes_and_duplicates_count_once(site: Site) -> None:
    events = [event([("p", "/a", 10)], ago=timedelta(hours=hours)) for hours in (0, 2, 30, 80, 200)]
    await send(site, *events)
    await send(site, *events[:2])
    await site.pipeline.step()
    for days, count in ((20, 5), (1 / 8, 2)):
        start = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        assert [row["count"] for row in (await site.get(f"{site.api}/timings", **{"from": start}))["timings"]] == [
            count
        ]
    names = ("accepted", "grouped", "duplicate", "filtered", "in_flight", "category")
    minutes = (await site.get("/api/v1/ledger"))["minutes"]
    sums = {name: sum(minute[name] for minute in minutes) for name in names[:-1]}
    assert {minute["category"] for minute in minutes} == {"timing"}
    assert sums == {"accepted": 7, "grouped": 5, "duplicate": 2, "filtered": 0, "in_flight": 0}


async def test_reports_of_timings_are_scrubbed(site: Site) -> None:
    await send(site, event([("x", "/pay?token=hunter2&card=4111111111111111", 5)]))
    await site.pipeline.step()
    async with site.http.get(f"{site.url}/files/1.timings/0/0", headers=site.bearer) as answer:
        text = await answer.text()
        assert answer.status == 200
    assert "hunter2" not in text
    assert "4111111111111111" not in text
    assert (await site.get(f"{site.api}/timings"))["timings"][0]["name"] == "shop.example/pay"


async def test_the_page_shows_percentiles_by_kind_and_name(site: Site) -> None:
    assert "enablePulse" in await page(site, "/performance")
    await send(site, event([("p", "/orders/1", 80.5), ("w", "CLS", 0.05)]), event([("p", "/<b>", 2500)], release="2.0"))
    await site.pipeline.step()
    shown = await page(site, "/performance")
    for text in ("Pages, p75", "/orders/{id}", "80 ms", "2.5", "/&lt;b&gt;", "<option>2.0", "0.050"):
        assert text in shown, text
    assert "80 ms" not in await page(site, "/performance?release=2.0")
    assert "/orders/{id}" not in await page(site, "/performance?kind=vital")
    assert f'href="/projects/{site.project.id}/performance"' in await page(site, "")


async def page(site: Site, path: str) -> str:
    async with site.http.get(f"{site.url}/projects/{site.project.id}{path}", headers=site.bearer) as answer:
        text = await answer.text()
        assert answer.status == 200, text
        return text
