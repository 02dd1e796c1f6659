"""The pages in a real Chromium, over a whole installation: live numbers, hostile payloads, keys, narrow and wide."""

import json
import os
import shutil
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.system.installation import Installation

CHROMIUM = os.environ.get("FAULTLINE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SOON = 20_000
"""ms that a page may take to show what was sent; a limit for a busy machine, no figure."""
LARGEST_PAGE = 300_000
HOSTILE = "<script>window.ran = 1</script><img src=x onerror='window.ran = 1'>\"'--></textarea>{{7*7}}"

WIDER = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll('main *, header *')]
    .filter((e) => e.getBoundingClientRect().right > innerWidth && !e.closest('.scroll, pre, .copyline, .seg'))
    .map((e) => e.outerHTML.slice(0, 200))"""

A11Y = """() => {
  const named = (e) => (e.getAttribute('aria-label') || e.textContent.trim() || e.title || e.value
    || (e.labels && [...e.labels].map((l) => l.textContent.trim()).join('')) || '').length > 0;
  const shown = (e) => e.checkVisibility();
  const wrong = [];
  for (const e of document.querySelectorAll('a, button, summary')) if (shown(e) && !named(e)) wrong.push(e.outerHTML);
  for (const e of document.querySelectorAll('input:not([type=hidden]), select, textarea'))
    if (!e.labels?.length && !e.getAttribute('aria-label')) wrong.push(e.outerHTML);
  for (const e of document.querySelectorAll('svg')) if (!e.getAttribute('aria-label') && !e.getAttribute('aria-hidden'))
    wrong.push(e.outerHTML);
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  for (const id of new Set(ids)) if (ids.filter((i) => i === id).length > 1) wrong.push('twice: #' + id);
  if (document.querySelectorAll('h1').length !== 1) wrong.push('not one h1');
  if (document.querySelectorAll('main').length !== 1) wrong.push('not one main');
  if (!document.documentElement.lang) wrong.push('no language');
  if (!document.title) wrong.push('no title');
  return wrong;
}"""


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("pages") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium: install it (apt-get install chromium) or name it by FAULTLINE_CHROMIUM")
        pytest.skip("no Chromium: install it (apt-get install chromium) or name it by FAULTLINE_CHROMIUM")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def signed(installation: Installation, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Sign in by the address that ``up`` printed; give the file that keeps it."""
    kept = str(tmp_path_factory.mktemp("browser") / "state.json")
    context = browser.new_context()
    page = context.new_page()
    page.goto(installation.facts["sign_in"])
    assert page.url == installation.url + "/"
    context.storage_state(path=kept)
    context.close()
    return kept


class Watched:
    """A page whose complaints, and requests to elsewhere, are kept."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        """Open a page and listen."""
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda said: self._note(said.type, said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda sent: self._elsewhere(sent.url, base))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def _elsewhere(self, url: str, base: str) -> None:
        if not url.startswith(base):
            self.complaints.append(f"a request to {url}")


def send(installation: Installation, kind: str, text: str, **more: Any) -> str:  # noqa: ANN401  any JSON
    """Send one crash as a Sentry SDK does; gives its id."""
    name = uuid.uuid4().hex
    frame = {"function": "pay", "module": "shop.pay", "filename": "shop/pay.py", "lineno": 3, "in_app": True}
    frame |= {"context_line": "    raise_it()", "pre_context": ["def pay():"], "vars": {"text": text}}
    raised = {"type": kind, "value": text, "stacktrace": {"frames": [frame]}}
    event = {"event_id": name, "platform": "python", "release": "shop@1.0.0", "exception": {"values": [raised]}, **more}
    key, _, rest = installation.project["dsn"].removeprefix("http://").partition("@")
    host, _, number = rest.rpartition("/")
    address = f"http://{host}/api/{number}/store/?sentry_key={key}"
    request = urllib.request.Request(address, json.dumps(event).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
    return name


def counted(installation: Installation, name: str) -> str:
    """Wait until an event can be opened; gives its group."""
    end = time.monotonic() + SOON / 1000
    while True:
        try:
            return str(installation.get(f"/api/v1/events/{name}")["group"])
        except urllib.error.HTTPError as error:
            if error.code != 404 or time.monotonic() > end:
                raise
            time.sleep(0.1)


def test_the_first_crash_turns_the_set_up_page_into_the_live_view(
    installation: Installation, browser: Browser, signed: str
) -> None:
    context = browser.new_context(storage_state=signed)
    watched = Watched(context, installation.url)
    project = installation.project["id"]
    watched.page.goto(f"{installation.url}/projects/{project}")
    expect(watched.page.locator("#dsn")).to_have_text(installation.project["dsn"])
    expect(watched.page.locator("#raygun")).to_have_text(installation.project["raygun_key"])
    counted(installation, send(installation, "FirstError", "hello"))
    expect(watched.page.locator(".list .open")).to_contain_text("FirstError", timeout=SOON)
    assert watched.complaints == []
    context.close()


def test_numbers_move_without_a_reload_and_rows_stay(installation: Installation, browser: Browser, signed: str) -> None:
    counted(installation, send(installation, "KnownError", "one"))
    context = browser.new_context(storage_state=signed)
    watched = Watched(context, installation.url)
    page = watched.page
    page.goto(f"{installation.url}/projects/{installation.project['id']}")
    page.evaluate("window.loaded = 1")
    crashes = page.locator("#kpi-crashes .big data")
    before = int(crashes.get_attribute("value") or "")
    send(installation, "KnownError", "one")
    expect(crashes).to_have_attribute("value", str(before + 1), timeout=SOON)
    rows = page.locator("tr[data-key]").count()
    send(installation, "NewKindError", "never seen")
    expect(page.locator("#fresh")).to_have_text("1 new", timeout=SOON)
    assert page.locator("tr[data-key]").count() == rows
    page.locator("#fresh").click()
    expect(page.locator("tr[data-key]")).to_have_count(rows + 1)
    assert page.evaluate("window.loaded") == 1
    assert page.locator("#chart canvas").count() == 1
    assert watched.complaints == []
    context.close()


def test_nothing_of_a_payload_runs(installation: Installation, browser: Browser, signed: str) -> None:
    tags = {"browser": HOSTILE[:40]}
    crumbs = [{"message": HOSTILE, "category": HOSTILE, "data": {HOSTILE: HOSTILE}}]
    name = send(
        installation, HOSTILE[:60], HOSTILE, tags=tags, user={"id": HOSTILE}, extra={HOSTILE: HOSTILE},
        breadcrumbs={"values": crumbs}, contexts={HOSTILE: {"name": HOSTILE}}, transaction=HOSTILE, release=HOSTILE,
    )  # fmt: skip
    group = counted(installation, name)
    project = installation.project["id"]
    context = browser.new_context(storage_state=signed)
    watched = Watched(context, installation.url)
    for path in (
        f"/events/{name}", f"/groups/{group}", f"/projects/{project}", f"/projects/{project}?by=group",
        f"/projects/{project}/releases", f"/projects/{project}/search?q={group}%22%3E%3Cscript%3E", "/",
    ):  # fmt: skip
        watched.page.goto(installation.url + path)
        watched.page.wait_for_timeout(300)
        assert watched.page.evaluate("window.ran") is None, path
    watched.page.goto(f"{installation.url}/events/{name}")
    expect(watched.page.locator(".raised .message")).to_contain_text("<script>window.ran = 1</script>")
    assert watched.complaints == []
    context.close()


@pytest.mark.parametrize("width", [1400, 380])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_fits_and_can_be_used_by_all(
    installation: Installation,
    browser: Browser,
    signed: str,
    theme: Literal["light", "dark"],
    width: int,
) -> None:
    name = send(installation, "WideError", "a_very_long_word_" * 20, extra={"k" * 200: "v" * 2000})
    group, project = counted(installation, name), installation.project["id"]
    context = browser.new_context(storage_state=signed, viewport={"width": width, "height": 900}, color_scheme=theme)
    watched = Watched(context, installation.url)
    for path in (
        "/", f"/projects/{project}", f"/projects/{project}/start", f"/projects/{project}/releases",
        f"/projects/{project}/search?q=WideError", f"/groups/{group}", f"/events/{name}", "/settings", "/pipeline",
    ):  # fmt: skip
        answer = watched.page.goto(installation.url + path)
        assert answer is not None
        assert answer.status == 200, path
        assert len(answer.body()) < LARGEST_PAGE, path
        assert watched.page.evaluate(A11Y) == [], path
        assert watched.page.evaluate(WIDER) == [], path
    assert watched.complaints == []
    context.close()


def test_keys(installation: Installation, browser: Browser, signed: str) -> None:
    group = counted(installation, send(installation, "KeyedError", "by keys"))
    context = browser.new_context(storage_state=signed)
    page = context.new_page()
    page.goto(f"{installation.url}/projects/{installation.project['id']}")
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator(f"tr[data-key='{group}'] .open")).to_be_focused()
    page.keyboard.press("o")
    page.wait_for_url(f"**/groups/{group}*")
    page.keyboard.press("r")
    expect(page.locator("#status")).to_contain_text("resolved")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_url(installation.url + "/")
    context.close()


def test_search_completes_and_a_menu_decides(installation: Installation, browser: Browser, signed: str) -> None:
    group = counted(installation, send(installation, "CompletedError", "by menu", environment="canary"))
    context = browser.new_context(storage_state=signed)
    watched = Watched(context, installation.url)
    page = watched.page
    with page.expect_response("**/values.json*"):
        page.goto(f"{installation.url}/projects/{installation.project['id']}/search?q=by+menu")
    expect(page.locator(".hits mark").first).to_have_text("by")
    page.locator("#q").fill("menu -environment:can")
    expect(page.locator("#fields option")).to_have_attribute("value", 'menu -environment:"canary"')
    page.locator(".bytime a").last.click()
    page.wait_for_url("**from=*")
    page.goto(f"{installation.url}/groups/{group}")
    page.locator(".menu summary").nth(1).click()
    page.get_by_role("button", name="Until 10 more events").click()
    expect(page.locator("#status")).to_contain_text("ignored until 10 more events")
    assert watched.complaints == []
    context.close()


def test_pages_work_without_a_script(installation: Installation, browser: Browser, signed: str) -> None:
    group = counted(installation, send(installation, "PlainError", "no script"))
    context = browser.new_context(storage_state=signed, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{installation.url}/projects/{installation.project['id']}?sort=first_seen")
    page.get_by_role("link", name="PlainError").click()
    page.get_by_role("button", name="Ignore").click()
    assert page.url == f"{installation.url}/groups/{group}"
    expect(page.locator("#status")).to_contain_text("ignored")
    page.locator("#events .open").first.click()
    expect(page.locator(".code .failing")).to_contain_text("raise_it()")
    context.close()


def test_a_stranger_sees_how_to_sign_in(installation: Installation, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(installation.url)
    assert answer is not None
    assert answer.status == 401
    expect(page.locator("main")).to_contain_text("faultline sign-in")
    context.close()
