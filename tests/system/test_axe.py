"""axe-core finds nothing to mend on any page, wide and narrow, light and dark."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.site import Site
from tests.system import provision
from tests.system.pages import SOON, counted, measure, send

LOOKS = (
    {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
)
RUN = """async () => (await axe.run(document, { resultTypes: ['violations'] })).violations.map(
  (found) => [found.id, found.help, found.nodes.slice(0, 3).map((node) => node.html.slice(0, 200))])"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=SOON)
    with sync_playwright() as playwright:
        program = provision.chromium()
        running = playwright.chromium.launch(executable_path=program, args=provision.CHROMIUM_ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """Return the source of axe-core."""
    return (provision.npm_packages() / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture(scope="module")
def paths(installation: Site) -> dict[str, str]:
    """Send what fills the pages; return the address of each page by its name."""
    project = installation.new_project("axe")
    tags: dict[str, Any] = {"tags": {"shop": "north"}, "extra": {"cart": [1, 2]}, "user": {"id": "u1"}}
    crumbs = {"breadcrumbs": {"values": [{"message": "opened", "category": "ui"}]}}
    first = send(project, "FirstError", "hello", level="fatal", **tags, **crumbs)
    send(project, "SecondError", "hello")
    measure(installation, project, "/checkout")
    group = counted(installation, first)
    own = f"/projects/{project['id']}"
    return {
        "projects": "/", "project": own, "releases": f"{own}/releases", "performance": f"{own}/performance",
        "search": f"{own}/search?q=hello", "start": f"{own}/start", "group": f"/groups/{group}",
        "event": f"/events/{first}", "pipeline": "/pipeline", "settings": "/settings", "api": "/api",
        "error": "/nothing", "sign-in": "/sign-in",
    }  # fmt: skip


@pytest.mark.parametrize("look", LOOKS, ids=["wide, light", "narrow, dark"])
def test_axe_finds_nothing(
    installation: Site, browser: Browser, axe: str, paths: dict[str, str], look: dict[str, Any]
) -> None:
    context = _signed_in(installation, browser, look)
    page = context.new_page()
    found = {}
    for name, path in paths.items():
        if name == "sign-in":
            context.clear_cookies()
        page.goto(installation.url + path)
        if page.locator("#chart").count():
            expect(page.locator("#chart canvas")).to_be_visible()
        if violations := _violations(page, axe):
            found[name] = violations
    context.close()
    assert found == {}, json.dumps(found, indent=1)


def _violations(page: Page, axe: str) -> list[Any]:
    page.evaluate(axe)
    return list(page.evaluate(RUN))


def _signed_in(installation: Site, browser: Browser, look: dict[str, Any]) -> BrowserContext:
    context = browser.new_context(**look)
    page = context.new_page()
    page.goto(installation.sign_in())
    page.get_by_role("button", name="Sign in this browser").click()
    page.wait_for_url(installation.url + "/")
    page.close()
    return context
