"""The list of groups and the main figure: what is shown at first, filters, and what SDKs say of being handled."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.integration.web_events import crash, other, session
from tests.integration.web_site import Site


async def page(site: Site, path: str, **query: str) -> str:
    async with site.http.get(site.url + path, params=query, headers=site.bearer) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.text()


def saying(event: dict[str, Any], handled: bool | None) -> dict[str, Any]:
    """Return the event as of an SDK that says whether it was handled, or that says nothing."""
    raised = event["exception"]["values"][0]
    raised["mechanism"] = {"type": "generic"} if handled is None else {"type": "generic", "handled": handled}
    return event


def titles(text: str) -> set[str]:
    """Return the types of the listed groups."""
    return set(re.findall(r'class="open"[^>]*><b>([^<]+)</b>', text))


def figure(text: str) -> tuple[str, int]:
    """Return the name and the value of the main figure."""
    found = re.search(r'id="kpi-crashes".*?<h2[^>]*>([^<]+)</h2>.*?<data value="(\d+)"', text, re.DOTALL)
    assert found is not None
    return found[1], int(found[2])


async def found_by_link(site: Site, text: str) -> int:
    """Return how many events the search behind the main figure finds."""
    link = re.search(r'id="kpi-crashes".*?href="([^"]+)"', text, re.DOTALL)
    assert link is not None
    query = dict(parse_qsl(urlsplit(html.unescape(link[1])).query))
    return int((await site.get(f"{site.api}/search", q=query["q"]))["total"])


async def test_the_main_figure_leaves_out_what_is_known_to_be_handled(site: Site) -> None:
    path = f"/projects/{site.project.id}"
    for _ in range(2):
        await site.send(saying(crash(), None))
    await site.pipeline.step()
    text = await page(site, path)
    assert figure(text) == ("All errors", 2)
    assert "No SDK says in this range whether an error was handled" in text
    assert 'aria-label="What is counted"' not in text
    for handled, number in ((True, 3), (False, 4)):
        for _ in range(number):
            await site.send(saying(crash(), handled))
    await site.pipeline.step()
    points = (await site.get(f"{site.api}/rates", window="1d"))["points"]
    sums = {name: sum(point[name] for point in points) for name in ("crashes", "unhandled", "not_said")}
    assert sums == {"crashes": 9, "unhandled": 4, "not_said": 2}
    for errors, counted in (("", ("Crashes", 6)), ("all", ("All errors", 9))):
        text = await page(site, path, errors=errors)
        assert figure(text) == counted
        assert await found_by_link(site, text) == counted[1]
    for measure, number in (("not_handled", 6), ("crashes", 9)):
        chart = await site.get(f"{path}/chart.json", by="none", measure=measure, range="24h")
        assert sum(chart["total"]) == number
        assert sum(sum(part["values"]) for part in chart["series"]) == number
    assert "crashes per minute" in await page(site, "/")


async def test_unhandled_errors_of_sessions_stand_beside_the_crash_free_rate(site: Site) -> None:
    await site.envelope([session("unhandled"), session("unhandled"), session("exited")])
    await site.pipeline.step()
    points = (await site.get(f"{site.api}/rates", window="1d"))["points"]
    assert [(point["sessions"], point["crashed_sessions"], point["unhandled_sessions"]) for point in points] == [
        (3, 0, 2)
    ]
    releases = (await site.get(f"{site.api}/releases"))["releases"]
    assert [(row["crash_free_sessions"], row["unhandled_sessions"]) for row in releases] == [(1.0, 2)]
    assert "sessions with unhandled errors" in await page(site, f"/projects/{site.project.id}")
    assert "with unhandled errors" in await page(site, f"/projects/{site.project.id}/releases")
    assert "Sessions with unhandled errors" in await page(site, "/")


async def test_the_list_shows_unresolved_groups_at_first(site: Site) -> None:
    for event in (crash(), other()):
        await site.send(event)
    await site.pipeline.step()
    groups = (await site.get(f"{site.api}/groups"))["groups"]
    stock = next(group["id"] for group in groups if "Stock" in group["title"])
    await site.post(f"/api/v1/groups/{stock}", {"status": "resolved"})
    path = f"/projects/{site.project.id}"
    assert titles(await page(site, path)) == {"PriceError"}
    assert titles(await page(site, path, status="resolved")) == {"StockError"}
    assert titles(await page(site, path, status="all")) == {"PriceError", "StockError"}
    assert len((await site.get(f"{site.api}/groups"))["groups"]) == 2
    assert len((await site.get(f"{site.api}/groups", status="all"))["groups"]) == 2


@pytest.mark.parametrize("sort", ["last_seen", "first_seen", "count", "users", "rate", "growth"])
async def test_groups_are_filtered_in_each_order(site: Site, sort: str) -> None:
    await site.send(saying(crash("100% of the price"), True))
    await site.send(saying(other(), False))
    plain = saying(crash("nothing"), None)
    plain["exception"]["values"][0] |= {"type": "QuietError"}
    plain["exception"]["values"][0]["stacktrace"]["frames"][0] |= {"function": "listen", "module": "shop.ear"}
    await site.send({**plain, "level": "fatal"})
    await site.pipeline.step()

    async def listed(**query: str) -> set[str]:
        reply = await site.get(f"{site.api}/groups", sort=sort, **query)
        return {group["type"] for group in reply["groups"]}

    assert await listed() == {"PriceError", "StockError", "QuietError"}
    assert await listed(level="fatal") == {"QuietError"}
    assert await listed(handled="true") == {"PriceError"}
    assert await listed(handled="false") == {"StockError"}
    assert await listed(handled="unknown") == {"QuietError"}
    assert await listed(q="STOCKERROR shop.stock") == {"StockError"}
    assert await listed(q="100% price") == {"PriceError"}
    assert await listed(q="_rror") == set()
    assert await listed(q="ear", level="error") == set()
    assert await listed(q="error", level="error", handled="false", status="open") == {"StockError"}
    said = {group["type"]: group["handled"] for group in (await site.get(f"{site.api}/groups"))["groups"]}
    assert said == {"PriceError": True, "StockError": False, "QuietError": None}


async def test_the_pages_of_one_environment_equal_the_api(site: Site) -> None:
    for event in (crash(), crash(), crash(environment="staging"), {**saying(other(), False), "environment": "staging"}):
        await site.send(event)
    await site.envelope([session("exited"), session("crashed", environment="staging")])
    await site.pipeline.step()
    path = f"/projects/{site.project.id}"
    assert "<option>staging</option>" in await page(site, path)
    text = await page(site, path, environment="staging", range="24h")
    assert "<option selected>staging</option>" in text
    assert figure(text) == ("Crashes", 2)
    assert titles(text) == {"PriceError", "StockError"}
    assert 'of <data value="3"' in text, "all environments of the group, beside those that match"
    assert "environment%3A%22staging%22" in text, "the figure leads to its events"
    assert "by group" not in text, "no windows are kept of a group in one environment"
    chart = await site.get(f"{path}/chart.json", by="release", measure="crashes", range="24h", environment="staging")
    assert sum(chart["total"]) == 2
    by_group = await site.get(f"{path}/chart.json", by="group", range="24h", environment="staging")
    assert [part["name"] for part in by_group["series"]] == ["errors"]
    releases = await page(site, f"{path}/releases", environment="staging")
    assert "Numbers are of staging" in releases
    assert "environment=staging" in releases
    assert "No groups match" in await page(site, path, environment="nowhere")


async def test_filters_that_cannot_be_read_are_named(site: Site) -> None:
    for name, value in (("level", "loud"), ("handled", "perhaps"), ("status", "closed")):
        assert await site.refused("GET", f"{site.api}/groups", query={name: value}) == (400, f"bad_{name}")


async def test_no_percentage_is_computed_against_a_range_that_is_not_whole(site: Site) -> None:
    await site.send(crash())
    await site.pipeline.step()
    path = f"/projects/{site.project.id}"
    text = await page(site, path, range="1h")
    assert "vs. previous" not in text
    assert "up from 0" not in text
    old = datetime.now(UTC) - timedelta(hours=3)
    await site.send(crash(timestamp=old.timestamp()))
    await site.pipeline.step()
    assert "vs. previous 1h" in await page(site, path, range="1h")


async def test_a_test_event_takes_the_whole_way(site: Site) -> None:
    path = f"/projects/{site.project.id}"
    async with site.http.post(f"{site.url}{path}/test", headers=site.bearer, allow_redirects=False) as answer:
        assert answer.status == 303
        back = answer.headers["Location"]
    assert back.startswith(f"{path}/start?sent=")
    await site.pipeline.step()
    event = await site.get(f"/api/v1/events/{back.partition('=')[2]}")
    assert (event["title"], event["environment"]) == ("TestEvent: sent from the page Set up", "test")
    assert f'href="/events/{event["event_id"]}?project=' in await page(site, back)
