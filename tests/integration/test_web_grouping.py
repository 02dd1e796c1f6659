"""The pages' grouping over the real stores: causes, similar groups, rules made by themselves, the editor of rules."""

import asyncio
import html
import re

from tests.integration.web_events import chained, java
from tests.integration.web_site import Site

RULES = '[[group_by]]\nname = "prices"\ntype = "PriceError"\nby = ["type"]\n'


async def page(site: Site, path: str, status: int = 200) -> str:
    async with site.http.get(site.url + path, headers=site.bearer) as answer:
        assert answer.status == status
        return html.unescape(await answer.text())


async def press(site: Site, path: str, **form: str) -> tuple[int, str]:
    """Send a form; return the status and, of a redirect, where it leads, else the page."""
    async with site.http.post(site.url + path, data=form, headers=site.bearer, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location") or html.unescape(await answer.text())


def section(text: str, name: str) -> str:
    return text.partition(f'id="{name}"')[2].partition("</section>")[0]


async def test_the_cause_stands_under_the_title_on_every_page(site: Site) -> None:
    event = chained()
    (group,) = await site.count(event)
    for path in (
        f"/projects/{site.project.id}", f"/groups/{group}", f"/events/{event['event_id']}",
        f"/projects/{site.project.id}/search?q=adyen",
    ):  # fmt: skip
        text = re.sub(r"<[^>]+>", "", await page(site, path))
        assert "PaymentError: could not paycaused by KeyError: 'adyen'" in text, path


async def test_a_suggestion_is_shown_with_its_reasons_and_accepted(site: Site) -> None:
    first, second = await site.count(
        java("IllegalStateException", "item lamp is closed", "reserve", 32, owner="acme.Stock"),
        java("IllegalStateException", "item pear is closed", "release", 38, owner="acme.Stock"),
    )
    text = await page(site, f"/groups/{first}")
    assert "Looks like" in text.partition('id="asks"')[2][:60]
    similar = section(text, "similar")
    assert re.search(r"item pear is closed.*>0\.\d\d</span>", similar)
    assert "two functions may word two errors alike: a person decides" in similar
    assert await press(site, f"/groups/{first}/similar", other=second, decision="merge") == (
        303, f"/groups/{first}#similar",
    )  # fmt: skip
    text = await page(site, f"/groups/{first}")
    assert 'id="asks"' not in text
    assert "by a person" in section(text, "similar")
    assert await press(site, f"/groups/{first}/similar", other=second, decision="never") == (
        303, f"/groups/{first}#similar",
    )  # fmt: skip
    await site.pipeline.step()
    text = await page(site, f"/groups/{first}")
    assert "Kept apart from 1 group" in section(text, "similar")
    assert (await press(site, f"/groups/{first}/similar", other=second, decision="perhaps"))[0] == 400
    assert (await press(site, f"/groups/{first}/similar", other=first, decision="merge"))[0] == 409


async def test_an_automatic_alias_is_shown_with_score_and_reasons_and_undone(site: Site) -> None:
    first, _ = await site.count(
        java("NullPointerException", "", "padLeft", 11),
        java("NullPointerException", "", "padRight", 22),
    )
    similar = section(await page(site, f"/groups/{first}"), "similar")
    assert ">1.00</span>" in similar
    assert "stacks are alike: 1.00" in similar
    other = re.findall(r'name="other" value="(\w+)"', similar)[0]
    assert ">Undo</button>" in similar
    await press(site, f"/groups/{first}/similar", other=other, decision="never")
    await site.pipeline.step()
    assert (await site.get(f"/api/v1/groups/{first}"))["members"] == [first]


async def test_a_rule_made_by_itself_is_taken_back(site: Site) -> None:
    words = [f"could not load order {place} (x{chr(97 + place) * 5})" for place in range(24)]
    group, *_ = await site.count(*(java("OrderError", text, "load", 30) for text in words))
    (rule,) = (await site.get(f"{site.api}/rules"))["explosions"]
    assert rule["template"].startswith("could not load order")
    assert rule["type"] == "OrderError"
    async with asyncio.timeout(60):  # ingest stamps records with a new rule within 5 s
        while "Take back" not in section(await page(site, f"/groups/{group}"), "similar"):
            await site.count(java("OrderError", "could not load order 99 (new)", "load", 30))
    assert "made more than 20 groups within an hour" in section(await page(site, f"/groups/{group}"), "similar")
    assert await press(site, f"/groups/{group}/take-back", rule=rule["signature"]) == (
        303, f"/groups/{group}#similar",
    )  # fmt: skip
    assert (await press(site, f"/groups/{group}/take-back", rule=rule["signature"]))[0] == 404
    reply = await site.get(f"{site.api}/rules")
    assert (reply["version"], reply["explosions"]) == (2, [])
    assert [known["author"] for known in reply["history"]] == ["person", "automatic"]


async def test_rules_are_edited_on_the_settings_page(site: Site) -> None:
    path = f"/settings/projects/{site.project.id}/rules"
    assert f'href="{path}"' in await page(site, "/settings")
    assert "No rules were ever set." in await page(site, path)
    assert await press(site, path, text=RULES.replace("\n", "\r\n"), edited="0") == (303, path)
    text = await page(site, path)
    assert RULES in text
    assert "version 1, in force" in text
    status, text = await press(site, path, text=RULES + "by = 3\n", edited="1")
    assert status == 400
    assert "Nothing was saved." in text
    assert "(at line 5" in text
    assert "by = 3" in text
    assert await press(site, path, text="", edited="1") == (303, path)
    status, text = await press(site, path, text=RULES, edited="1")
    assert (status, "The rules were changed after version 1" in text) == (409, True)
    old = await page(site, path + "?version=1")
    assert "version 1, not in force" in old
    assert RULES in old
    await page(site, path + "?version=9", 404)
    await page(site, path + "?version=x", 400)
    await page(site, "/settings/projects/99/rules", 404)


async def test_a_project_of_the_first_grouping_says_so(site: Site) -> None:
    await site.pipeline.pool.execute("update projects set grouping = 'g1'")
    path = f"/settings/projects/{site.project.id}/rules"
    assert "it has no rules of its own" in await page(site, path)
    assert (await press(site, path, text=RULES, edited="0"))[0] == 409
