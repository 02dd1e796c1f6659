"""The pages in a real Chromium, over a whole installation: live numbers, hostile payloads, shortcuts, screen widths."""

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.support.site import Site
from tests.system import provision
from tests.system.pages import A11Y, SOON, WIDER, Watched, counted, measure, send

LARGEST_PAGE = 300_000
HOSTILE = "<script>window.ran = 1</script><img src=x onerror='window.ran = 1'>\"'--></textarea>{{7*7}}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = provision.chromium()
    expect.set_options(timeout=SOON)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=provision.CHROMIUM_ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def signed(installation: Site, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Sign in by a one-time link. Return the file that holds the cookie."""
    kept = str(tmp_path_factory.mktemp("browser") / "state.json")
    context = browser.new_context()
    page = context.new_page()
    page.goto(installation.sign_in())
    page.get_by_role("button", name="Sign in this browser").click()
    page.wait_for_url(installation.url + "/")
    assert page.url == installation.url + "/"
    context.storage_state(path=kept)
    context.close()
    return kept


@pytest.fixture
def project(installation: Site, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Create a project for one test alone."""
    return installation.new_project(request.node.name)


def test_the_first_crash_turns_the_set_up_page_into_the_live_view(
    installation: Site, browser: Browser, signed: str, project: dict[str, Any]
) -> None:
    context = browser.new_context(storage_state=signed)
    watched = Watched(context, installation.url)
    watched.page.goto(f"{installation.url}/projects/{project['id']}")
    expect(watched.page.locator("#dsn")).to_have_text(project["dsn"])
    expect(watched.page.locator("#raygun")).to_have_text(project["raygun_key"])
    counted(installation, send(project, "FirstError", "hello"))
    expect(watched.page.locator(".list .open")).to_contain_text("FirstError")
    assert watched.complaints == []
    context.close()


def test_numbers_update_without_a_reload_and_rows_stay(
    installation: Site, browser: Browser, signed: str, project: dict[str, Any]
) -> None:
    counted(installation, send(project, "KnownError", "one"))
    context = browser.new_context(storage_state=signed)
    watched = Watched(context, installation.url)
    page = watched.page
    page.goto(f"{installation.url}/projects/{project['id']}")
    page.evaluate("window.loaded = 1")
    crashes = page.locator("#kpi-crashes .big data")
    before = int(crashes.get_attribute("value") or "")
    send(project, "KnownError", "one")
    expect(crashes).to_have_attribute("value", str(before + 1))
    rows = page.locator("tr[data-key]").count()
    send(project, "NewKindError", "never seen")
    expect(page.locator("#fresh")).to_have_text("1 new · refresh")
    assert page.locator("tr[data-key]").count() == rows
    assert page.evaluate("window.loaded") == 1
    page.locator("#fresh").click()
    expect(page.locator("tr[data-key]")).to_have_count(rows + 1)
    assert page.evaluate("window.loaded") == 1
    expect(page.locator("#chart canvas")).to_have_count(1)
    send(project, "KnownError", "one")
    expect(page.locator("#fresh")).to_have_text("order changed · refresh")
    assert "NewKindError" in page.locator("tr[data-key]").first.inner_text()
    assert watched.complaints == []
    context.close()


def test_ticking_moves_nothing_and_going_back_shows_the_chart(
    installation: Site, browser: Browser, signed: str, project: dict[str, Any]
) -> None:
    for kind in ("OneError", "TwoError", "ThreeError"):
        counted(installation, send(project, kind, "tick"))
    context = browser.new_context(storage_state=signed)
    page = context.new_page()
    page.goto(f"{installation.url}/projects/{project['id']}")
    expect(page.locator("#chart canvas")).to_be_visible()
    row = page.locator("tr[data-key]").first
    place = "(e) => [e.getBoundingClientRect().top + scrollY, document.documentElement.scrollHeight]"
    before = row.evaluate(place)
    row.get_by_role("checkbox").check()
    expect(page.get_by_role("button", name="Reopen")).to_be_visible()
    assert row.evaluate(place) == before
    page.get_by_role("link", name="Regressed").click()
    page.wait_for_url("**status=regressed*")
    page.go_back()
    page.wait_for_url(f"**/projects/{project['id']}")
    expect(page.locator("#chart canvas")).to_be_visible()
    expect(page.locator("#legend li")).to_have_count(1)
    context.close()


def test_times_are_in_the_reader_s_zone_with_utc_beside(
    installation: Site, browser: Browser, signed: str, project: dict[str, Any]
) -> None:
    counted(installation, send(project, "ZoneError", "when"))
    context = browser.new_context(storage_state=signed, timezone_id="Asia/Kathmandu", locale="de-DE")
    page = context.new_page()
    for path in (f"/projects/{project['id']}", "/pipeline"):
        page.goto(installation.url + path)
        page.wait_for_function("!document.querySelector('main').innerText.includes(' UTC')")
        titles = page.locator("main time").evaluate_all("(times) => times.map((time) => time.title)")
        assert titles
        assert all(title.endswith(" UTC") and "GMT+5:45" in title for title in titles), titles
    context.close()


def test_no_script_of_a_payload_runs(
    installation: Site, browser: Browser, signed: str, project: dict[str, Any]
) -> None:
    tags = {"browser": HOSTILE[:40]}
    crumbs = [{"message": HOSTILE, "category": HOSTILE, "data": {HOSTILE: HOSTILE}}]
    name = send(
        project, HOSTILE[:60], HOSTILE, tags=tags, user={"id": HOSTILE}, extra={HOSTILE: HOSTILE},
        breadcrumbs={"values": crumbs}, contexts={HOSTILE: {"name": HOSTILE}}, transaction=HOSTILE, release=HOSTILE,
    )  # fmt: skip
    group, shown = counted(installation, name), f"/projects/{project['id']}"
    measure(installation, project, HOSTILE)
    context = browser.new_context(storage_state=signed)
    watched = Watched(context, installation.url)
    for path in (
        f"/events/{name}", f"/groups/{group}", shown, f"{shown}?by=group", f"{shown}/releases",
        f"{shown}/performance", f"{shown}/search?q={group}%22%3E%3Cscript%3E", "/",
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
def test_every_page_fits_the_screen_and_is_accessible(
    installation: Site,
    browser: Browser,
    signed: str,
    project: dict[str, Any],
    theme: Literal["light", "dark"],
    width: int,
) -> None:
    name = send(project, "WideError", "a_very_long_word_" * 20, extra={"k" * 200: "v" * 2000})
    group, shown = counted(installation, name), f"/projects/{project['id']}"
    measure(installation, project, "a_very_long_name_" * 20)
    context = browser.new_context(storage_state=signed, viewport={"width": width, "height": 900}, color_scheme=theme)
    watched = Watched(context, installation.url)
    for path in (
        "/", shown, f"{shown}/start", f"{shown}/releases", f"{shown}/search?q=WideError", f"/groups/{group}",
        f"/events/{name}", f"{shown}/performance", "/settings", "/pipeline",
    ):  # fmt: skip
        answer = watched.page.goto(installation.url + path)
        assert answer is not None
        assert answer.status == 200, path
        assert len(answer.body()) < LARGEST_PAGE, path
        assert watched.page.evaluate(A11Y) == [], path
        assert watched.page.evaluate(WIDER) == [], path
    assert watched.complaints == []
    context.close()


def test_keyboard_shortcuts(installation: Site, browser: Browser, signed: str, project: dict[str, Any]) -> None:
    group = counted(installation, send(project, "KeyedError", "by keys"))
    context = browser.new_context(storage_state=signed)
    page = context.new_page()
    page.goto(f"{installation.url}/projects/{project['id']}")
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


def test_search_completes_and_a_menu_sets_the_status(
    installation: Site, browser: Browser, signed: str, project: dict[str, Any]
) -> None:
    group = counted(installation, send(project, "CompletedError", "by menu", environment="canary"))
    context = browser.new_context(storage_state=signed)
    watched = Watched(context, installation.url)
    page = watched.page
    with page.expect_response("**/values.json*"):
        page.goto(f"{installation.url}/projects/{project['id']}/search?q=by+menu")
    expect(page.locator(".hits mark").first).to_have_text("by")
    page.locator("#q").fill("menu -environment:can")
    expect(page.locator("#fields option")).to_have_attribute("value", 'menu -environment:"canary"')
    page.locator(".bytime a").last.click()
    page.wait_for_url("**from=*")
    page.goto(f"{installation.url}/groups/{group}")
    page.locator(".menu summary").nth(1).click()
    page.get_by_role("button", name="Ignore until 10 more events").click()
    expect(page.locator("#status")).to_contain_text("ignored until 10 more events")
    assert watched.complaints == []
    context.close()


def test_pages_work_without_a_script(
    installation: Site, browser: Browser, signed: str, project: dict[str, Any]
) -> None:
    group = counted(installation, send(project, "PlainError", "no script"))
    context = browser.new_context(storage_state=signed, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{installation.url}/projects/{project['id']}?sort=first_seen")
    page.get_by_role("link", name="PlainError").click()
    page.get_by_role("button", name="Ignore").click()
    assert page.url == f"{installation.url}/groups/{group}"
    expect(page.locator("#status")).to_contain_text("ignored")
    page.locator("#events .open").first.click()
    expect(page.locator(".code .failing")).to_contain_text("raise_it()")
    context.close()


def test_a_browser_without_a_cookie_gets_the_sign_in_page(installation: Site, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(installation.url)
    assert answer is not None
    assert answer.status == 401
    expect(page.locator("main")).to_contain_text("faultline sign-in")
    context.close()
