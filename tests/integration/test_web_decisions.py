"""Decisions about groups, by the API and by the pages' buttons, and their end by later events."""

from typing import Any

from tests.integration.web_events import crash, other
from tests.integration.web_site import Site


async def count(site: Site, *events: dict[str, Any]) -> str:
    """Send events, wait until they are counted, and return the group of the first."""
    for event in events:
        await site.send(event)
    await site.pipeline.step()
    return str((await site.get(f"/api/v1/events/{events[0]['event_id']}"))["group"])


async def press(site: Site, path: str, button: str, **form: str) -> int:
    """Press a button of a page and return the status of the answer."""
    data = {"status": button, **form}
    async with site.http.post(site.url + path, data=data, headers=site.bearer, allow_redirects=False) as answer:
        return answer.status


async def page(site: Site, path: str) -> str:
    async with site.http.get(site.url + path, headers=site.bearer) as answer:
        assert answer.status == 200
        return await answer.text()


async def test_resolved_until_a_new_release(site: Site) -> None:
    group = await count(site, crash(release="shop@1.0.0"))
    group_reply = await site.post(f"/api/v1/groups/{group}", {"status": "resolved", "next_release": True})
    assert (group_reply["status"], group_reply["next_release"]) == ("resolved", True)
    await count(site, crash(release="shop@1.0.0"))
    assert "resolved in the next release" in await page(site, f"/groups/{group}")
    await count(site, crash(release="shop@1.0.1"))
    group_reply = await site.get(f"/api/v1/groups/{group}")
    assert (group_reply["status"], group_reply["next_release"]) == ("regressed", False)
    assert "regressed</span>" in await page(site, f"/projects/{site.project.id}?status=regressed")
    releases = await page(site, f"/projects/{site.project.id}/releases")
    newer, older = releases.split("<tr data-row>")[1:]
    assert "shop@1.0.1" in newer
    assert ("1</data> regressed" in newer, "</data> new" in newer) == (True, False)
    assert ("1</data> new" in older, "</data> regressed" in older) == (True, False)
    assert all(f'href="/groups/{group}"' in part for part in (newer, older))


async def test_ignoring_by_the_buttons_of_the_pages(site: Site) -> None:
    group = await count(site, crash(), other())
    assert await press(site, f"/groups/{group}/status", "ignored:events:10") == 303
    assert "ignored until 10 more events" in await page(site, f"/projects/{site.project.id}?status=ignored")
    await count(site, crash())
    assert (await site.get(f"/api/v1/groups/{group}"))["events_left"] == 9
    assert await press(site, f"/projects/{site.project.id}/groups", "ignored:days:7", group=group) == 303
    group_reply = await site.get(f"/api/v1/groups/{group}")
    assert (group_reply["status"], group_reply["events_left"]) == ("ignored", None)
    assert f'ignored until <time class="day" datetime="{group_reply["until"]}"' in await page(site, f"/groups/{group}")
    assert await press(site, f"/groups/{group}/status", "open") == 303
    assert (await site.get(f"/api/v1/groups/{group}"))["until"] is None


async def test_conditions_that_do_not_fit_are_refused(site: Site) -> None:
    group = await count(site, crash())
    for body, code in (
        ({"status": "regressed"}, "bad_status"),
        ({"status": "open", "next_release": True}, "bad_status"),
        ({"status": "resolved", "events": 5}, "bad_status"),
        ({"status": "ignored", "events": 0}, "bad_status"),
        ({"status": "ignored", "days": 0}, "bad_days"),
        ({"status": "ignored", "days": 10**9}, "bad_days"),
        ({"status": "ignored", "events": 5, "days": 5}, "bad_status"),
        ({"status": "ignored", "days": "7"}, "bad_body"),
    ):
        assert await site.refused("POST", f"/api/v1/groups/{group}", body) == (400, code), body
    for button in ("", "ignored:weeks:1", "ignored:days:x", "resolved:last", "nothing"):
        assert await press(site, f"/groups/{group}/status", button) == 400
    assert (await site.get(f"/api/v1/groups/{group}"))["status"] == "open"


async def test_groups_by_rate_and_growth(site: Site) -> None:
    few, many = other(), [crash(user=f"u{number}") for number in range(3)]
    await count(site, few, *many)
    for sort in ("rate", "growth"):
        rows = (await site.get(f"{site.api}/groups", sort=sort))["groups"]
        assert [(row["recent"], row["before"]) for row in rows] == [(3, 0), (1, 0)]
        assert [row["title"].split(":")[0] for row in rows] == ["PriceError", "StockError"]
    assert "3</data> in 5 min" in await page(site, f"/projects/{site.project.id}?sort=rate")


async def test_merge_and_unmerge_by_the_page(site: Site) -> None:
    into = await count(site, crash())
    group = await count(site, other())
    assert await press(site, f"/groups/{group}/merge", "", into=f"{site.url}/groups/{into}") == 303
    await count(site, other())
    assert (await site.get(f"/api/v1/groups/{into}"))["count"] == 3
    assert group in await page(site, f"/groups/{into}")
    assert await press(site, f"/groups/{group}/merge", "", into=into) == 409
    assert await press(site, f"/groups/{into}/unmerge", "", member=group) == 303
    assert [row["count"] for row in (await site.get(f"{site.api}/groups", sort="count"))["groups"]] == [2, 1]
