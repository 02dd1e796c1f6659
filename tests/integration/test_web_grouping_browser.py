"""Groups and events in a real Chromium: decisions about groups that look alike, the trace at first sight, keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, ViewportSize, async_playwright, expect

from tests.integration.test_web_sizes import paths, send_recorded, size
from tests.integration.web_events import java, large
from tests.integration.web_site import Site
from tests.system import corpus, provision
from tests.system.pages import A11Y, WIDER

WIDTHS = {1280: (800, 8_000), 390: (844, 12_000)}
"""Width of a screen -> its height, and the height of a page at most, in px."""
TALLEST = 12
"""Pages that are measured: the largest ones."""


@asynccontextmanager
async def opened(site: Site, width: int = 1280) -> AsyncIterator[Page]:
    """Open a browser that sends the token; it must complain about nothing."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=provision.chromium(), args=provision.CHROMIUM_ARGUMENTS
        )
        viewport: ViewportSize = {"width": width, "height": WIDTHS[width][0]}
        context = await browser.new_context(extra_http_headers=site.bearer, viewport=viewport)
        page = await context.new_page()
        page.on("console", lambda told: complaints.append(told.text) if told.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        await browser.close()
    assert complaints == []


async def test_suggestions_are_accepted_and_refused(site: Site) -> None:
    place = [("lamp", "reserve", 32), ("pear", "release", 38)]
    stock = [java("IllegalStateException", f"item {word} is closed", name, line, owner="acme.Stock")
             for word, name, line in place]  # fmt: skip
    till = [java("IllegalStateException", f"till {word} is locked", name, line, owner="acme.Till")
            for word, name, line in place]  # fmt: skip
    accepted, other, refused, apart = await site.count(*stock, *till)
    async with opened(site) as page:
        await page.goto(f"{site.url}/groups/{accepted}")
        await page.get_by_role("link", name="Merge or never").click()
        suggestion = page.locator("#similar [data-kind=suggestion]")
        await expect(suggestion.get_by_role("link")).to_have_text("IllegalStateException: item pear is closed")
        await expect(suggestion.locator(".badge")).to_have_text("0.60")
        await expect(suggestion.locator(".reasons")).to_contain_text("stacks are alike: 1.00")
        await expect(page.locator("#why")).to_contain_text("the innermost frame that counts")
        await suggestion.get_by_role("button", name="Merge: ").click()
        await expect(page.locator("#similar [data-kind=merge]")).to_contain_text("by a person")
        await expect(page.locator("#kpi-all b")).to_have_text("2")

        await page.goto(f"{site.url}/groups/{refused}")
        await page.locator("#similar [data-kind=suggestion]").get_by_role("button", name="Never: ").click()
        await expect(page.locator("#similar")).to_contain_text("Kept apart from 1 group")
        await expect(page.locator("#asks")).to_have_count(0)
    await site.pipeline.step()
    assert (await site.get(f"/api/v1/groups/{accepted}"))["members"] == [accepted, other]
    assert (await site.get(f"/api/v1/groups/{refused}"))["members"] == [refused]
    assert (await site.get(f"/api/v1/groups/{apart}"))["members"] == [apart]


async def test_an_automatic_alias_is_undone(site: Site) -> None:
    joined, also = await site.count(
        java("NullPointerException", "", "padLeft", 11), java("NullPointerException", "", "padRight", 22)
    )
    assert joined == also
    async with opened(site, 390) as page:
        await page.goto(f"{site.url}/groups/{joined}")
        alias = page.locator("#similar [data-kind=alias]")
        await expect(alias).to_contain_text("1.00")
        await expect(alias.locator(".reasons")).to_contain_text("stacks are alike: 1.00")
        await alias.get_by_role("button", name="Undo: ").click()
        await expect(page.locator("#similar")).to_contain_text("Kept apart from 1 group")
        await expect(page.locator("#kpi-all b")).to_have_text("1")
    await site.pipeline.step()
    assert len((await site.get(f"{site.api}/groups"))["groups"]) == 2


async def test_rules_are_edited(site: Site) -> None:
    async with opened(site) as page:
        await page.goto(f"{site.url}/settings")
        await page.get_by_role("link", name="Rules").click()
        await page.get_by_label("Rules as TOML").fill('in_app = ["acme."]\n')
        await page.get_by_role("button", name="Save as version 1").click()
        await expect(page.get_by_role("heading", name="Rules version 1, in force")).to_be_visible()
        assert await page.evaluate(A11Y) == []
        assert await page.get_by_label("Rules as TOML").input_value() == 'in_app = ["acme."]\n'


@pytest.mark.parametrize("width", list(WIDTHS))
async def test_the_largest_pages_show_the_trace_first_and_end_soon(site: Site, width: int) -> None:
    if corpus.FILES:
        await send_recorded(site)
    for event in large():
        await site.send(event)
    await site.pipeline.step()
    sizes = {path: await size(site, path) for path in await paths(site)}
    screen, tallest = WIDTHS[width]
    async with opened(site, width) as page:
        for path in sorted(sizes, key=lambda path: -sizes[path])[:TALLEST]:
            await page.goto(site.url + path)
            assert await page.evaluate("document.documentElement.scrollHeight") < tallest, path
            trace = await page.evaluate("document.querySelector('.chain').getBoundingClientRect().top")
            assert trace < screen - 100, path
            assert await page.evaluate(WIDER) == [], path
            assert await page.evaluate(A11Y) == [], path


async def test_keys_set_the_status_on_the_page_of_an_event(site: Site) -> None:
    event = java("IllegalStateException", "item lamp is closed", "reserve", 32)
    (group,) = await site.count(event)
    async with opened(site) as page:
        await page.goto(f"{site.url}/events/{event['event_id']}")
        await page.keyboard.press("i")
        await expect(page.locator("#status")).to_contain_text("ignored")
        assert page.url == f"{site.url}/events/{event['event_id']}"
    assert (await site.get(f"/api/v1/groups/{group}"))["status"] == "ignored"
