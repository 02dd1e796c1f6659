"""The pages over HTTP: headers, content, and error pages."""

import gzip
import html
import re
from pathlib import Path

import aiohttp
import brotli
import pytest
from yarl import URL

from app.web.pages import releases
from tests.integration.gate import Gate
from tests.integration.web_events import crash, other, session
from tests.integration.web_site import Site, running_site


async def page(site: Site, path: str, expected: int = 200) -> str:
    """Return a page as a user with all rights sees it."""
    async with site.http.get(site.url + path, headers=site.bearer) as answer:
        text = await answer.text()
        assert answer.status == expected, text
        assert answer.content_type == "text/html"
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        return text


async def test_every_page_shows_what_was_sent(site: Site) -> None:
    event = crash(extra={"cart": [{"sku": "A-1"}]}, breadcrumbs={"values": [{"message": "opened the cart"}]})
    await site.send(event)
    await site.send(other())
    await site.envelope([session("exited"), session("crashed", user="u2")])
    await site.pipeline.step()
    group = (await site.get(f"/api/v1/events/{event['event_id']}"))["group"]
    project = f"/projects/{site.project.id}"
    shown = await page(site, project)
    assert all(text in shown for text in ("PriceError", "StockError"))
    behind = html.unescape(re.findall(rf'href="({project}/search\?q=[^"]+)"', shown)[0])
    assert re.findall(r'<b><data value="(\d+)"', await page(site, behind)) == ["2"]
    assert "StockError" not in await page(site, f"{project}/search?q=type:PriceError")
    assert "50.0%" in await page(site, f"{project}/releases")
    shown = await page(site, f"/events/{event['event_id']}")
    assert all(text in shown for text in ("price", "shop/cart.py", "opened the cart", "A-1", "u1", event["event_id"]))
    shown = await page(site, f"/groups/{group}")
    assert all(text in shown for text in ("Why these events are grouped", "opened the cart"))
    assert "shop@1.0.0" in await page(site, "/")
    assert site.project.raygun_key in await page(site, "/settings")
    assert "grouped" in await page(site, "/pipeline")
    assert site.project.sentry_key in await page(site, f"{project}/start")


async def test_the_newest_releases_are_shown_first_and_all_on_demand(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "SHOWN", 1)
    await site.envelope([session("exited", "shop@1.0.0"), session("crashed", "shop@1.1.0")])
    await site.pipeline.step()
    path = f"/projects/{site.project.id}/releases"
    newest, whole = await page(site, path), await page(site, f"{path}?all=1")
    rows = [re.findall(r'class="open"[^>]*>([^<]+)<', text) for text in (newest, whole)]
    assert rows == [["shop@1.1.0"], ["shop@1.1.0", "shop@1.0.0"]]
    assert f'href="{path}?all=1"' in newest
    assert "Show all" not in whole
    assert "1 and 1 sessions" in newest  # compared with one that is not listed


async def test_the_chart_holds_every_crash_in_its_window(site: Site) -> None:
    for release in ("shop@1.0.0", "shop@1.1.0", "shop@1.1.0"):
        await site.send(crash(release=release))
    await site.pipeline.step()
    chart = await site.get(f"/projects/{site.project.id}/chart.json", range="1h")
    assert {part["name"]: sum(part["values"]) for part in chart["series"]} == {"shop@1.0.0": 1, "shop@1.1.0": 2}
    assert (chart["size"], sum(chart["total"]), chart["late"]) == (60, 3, 0)
    assert len(chart["total"]) == len(chart["series"][0]["values"])
    total = await site.get(f"/projects/{site.project.id}/chart.json", by="none")
    assert [sum(part["values"]) for part in total["series"]] == [3]


async def test_error_pages_name_the_problem(site: Site) -> None:
    for path in ("/nothing", "/projects/999", "/groups/zzz", f"/events/{'a' * 32}", "/projects/x/releases"):
        assert "Not found" in await page(site, path, 404)
    assert "from and to are ISO-8601 times" in await page(
        site, f"/projects/{site.project.id}/releases?from=yesterday", 400
    )
    assert "The query is not valid." in await page(site, f"/projects/{site.project.id}/search?q=" + "x" * 2000)


async def test_static_files_are_cached_by_their_content(site: Site) -> None:
    text = await page(site, "/")
    address = text.split('rel="stylesheet" href="')[1].split('"')[0]
    async with site.http.get(site.url + address) as answer:
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for path in ("/static/../server.py", "/static/%2e%2e/render.py", "/static/vendor/"):
        async with site.http.get(URL(site.url + path, encoded=True)) as answer:
            assert answer.status in (403, 404)


async def test_a_page_without_its_database_says_that_no_data_is_lost(database: str, tmp_path: Path) -> None:
    async with Gate.open(database) as gate, running_site(gate.url, tmp_path) as site:
        await page(site, "/settings")
        gate.shut()
        async with site.http.get(f"{site.url}/settings", headers=site.bearer) as answer:
            assert (answer.status, answer.headers["Refresh"]) == (503, "3")
            assert "No crash is lost" in await answer.text()
        gate.is_open = True
        await page(site, "/settings")


async def test_error_pages_keep_the_navigation(site: Site) -> None:
    project = f"/projects/{site.project.id}"
    text = await page(site, f"{project}/releases?from=yesterday", 400)
    for link in (f"{project}/search", "/pipeline", "/settings", "/"):
        assert f'href="{link}"' in text
    assert f'<a class="button" href="{project}/releases">Open the page without parameters</a>' in text
    text = await page(site, "/projects/999", 404)
    assert 'href="/projects/999' not in text
    assert "you may not see it" in text
    assert "openapi" not in await page(site, "/nothing", 404)


@pytest.mark.parametrize(("accepted", "coding"), [("gzip, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip;q=0.5", "gzip"),
                                                  ("", ""), ("br;q=0", "")])  # fmt: skip
async def test_pages_and_json_are_compressed_as_the_client_accepts(site: Site, accepted: str, coding: str) -> None:
    unpacked = {"br": brotli.decompress, "gzip": gzip.decompress, "": bytes}[coding]
    headers = {**site.bearer, "Accept-Encoding": accepted}
    session = aiohttp.ClientSession(auto_decompress=False)
    async with session:
        for path, start in (("/settings", b"<!doctype html>"), ("/api/v1/openapi.json", b'{"openapi"')):
            async with session.get(site.url + path, headers=headers) as answer:
                body = await answer.read()
                assert answer.headers.get("Content-Encoding", "") == coding
                assert answer.headers["Vary"] == "Accept-Encoding"
                assert unpacked(body).startswith(start)
                assert (len(body) < len(unpacked(body)) / 2) == bool(coding)
        async with session.get(f"{site.url}/healthz", headers=headers) as answer:
            assert "Content-Encoding" not in answer.headers
        key = f"sentry_key={site.project.sentry_key}"
        async with session.post(
            f"{site.url}/api/{site.project.id}/envelope/?{key}", data=b"{}\n", headers=headers
        ) as answer:
            assert "Content-Encoding" not in answer.headers
