"""Search in the API: states of groups, the list of groups by search, unknown names, queries that are refused."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.web_events import crash, other
from tests.integration.web_site import Site, running_site

AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0"


@pytest.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with running_site(database, tmp_path) as running:
        await running.send(crash(user="ann", tags={"tier": "gold"}, request={"headers": {"User-Agent": AGENT}}))
        await running.send(crash(user="bob"))
        await running.send(other())
        await running.pipeline.step()
        yield running


async def groups(site: Site, **query: str) -> dict[str, str]:
    """Return title -> id."""
    return {row["title"]: row["id"] for row in (await site.get(f"{site.api}/groups", **query))["groups"]}


async def test_states_are_those_of_now(site: Site) -> None:
    ids = await groups(site)
    [price, stock] = [ids[title] for title in sorted(ids)]

    async def found(query: str) -> int:
        total: int = (await site.get(f"{site.api}/search", q=query))["total"]
        return total

    assert [await found(query) for query in ("is:unresolved", "is:new", "is:resolved", "is:regressed")] == [3, 3, 0, 0]
    await site.post(f"/api/v1/groups/{price}", {"status": "resolved"})
    await site.post(f"/api/v1/groups/{stock}", {"status": "ignored"})
    assert [await found(query) for query in ("is:unresolved", "-is:unresolved", "is:resolved", "is:ignored")] == [
        0,
        3,
        2,
        1,
    ]
    await site.send(crash())
    await site.pipeline.step()
    assert [await found(query) for query in ("is:unresolved", "is:regressed", "is:resolved")] == [3, 3, 0]
    await site.post(f"/api/v1/groups/{stock}/merge", {"into": price})
    assert [await found(query) for query in ("is:unresolved", "is:regressed", "is:ignored")] == [4, 4, 0]
    assert await found("is:regressed stock") == 1
    assert await found("user:ann is:new") == 1


async def test_the_list_of_groups_is_searched(site: Site) -> None:
    every = await groups(site)
    assert len(every) == 2
    for query, titles in (
        ("stock", {"StockError: no stock"}), ("user:ann", {"PriceError: no price"}),
        ("function:stock", {"StockError: no stock"}),
        ("browser.name:Firefox", {"PriceError: no price"}), ("is:unresolved", set(every)), ("nothing", set()),
        ("-user:ann -stock", {"PriceError: no price"}),
    ):  # fmt: skip
        assert set(await groups(site, q=query)) == titles, query
        assert set(await groups(site, q=query, sort="users", status="open")) == titles, query
    await site.post(f"/api/v1/groups/{every['StockError: no stock']}/merge", {"into": every["PriceError: no price"]})
    reply = await site.get(f"{site.api}/groups", q="stock")
    assert [(row["title"], row["count"], row["users"]) for row in reply["groups"]] == [("PriceError: no price", 3, 3)]
    assert (reply["cut"], reply["unknown"]) == (False, [])
    assert [name["field"] for name in (await site.get(f"{site.api}/groups", q="usr:ann"))["unknown"]] == ["usr"]


async def test_unknown_names_are_said(site: Site) -> None:
    async def unknown(query: str) -> dict[str, list[str]]:
        reply = await site.get(f"{site.api}/search", q=query)
        return {name["field"]: name["similar"] for name in reply["unknown"]}

    assert await unknown("Teir:gold") == {"Teir": ["tier"]}
    assert await unknown("browser.nam:Firefox") == {"browser.nam": ["browser.name", "user.name", "browser.version"]}
    assert list(await unknown("usr:ann tier:gold")) == ["usr"]
    assert list(await unknown("-usr:ann")) == ["usr"]
    assert list(await unknown("tag.usr:ann context.usr:1")) == ["usr"]
    for query in (
        "tier:silver", "TIER:silver", "tag.tier:silver", "os.name:BeOS", "device.model:x", "nothing", "user:none", "",
        "context.os.name:BeOS", "-tier:gold", "price usr", "-os.name:BeOS",
    ):  # fmt: skip
        assert await unknown(query) == {}, query
    reply = await site.get(f"{site.api}/search", q="Teir:gold")
    assert reply["unknown"][0]["message"] == ("No event of this range has a field or tag `Teir`; did you mean `tier`?")
    [row, *_] = (await site.get(f"{site.api}/groups"))["groups"]
    assert (await site.get(f"/api/v1/groups/{row['id']}/events", q="zzz:1"))["unknown"][0]["similar"] == []
    assert await unknown("x" * 500 + ":y") != {}


@pytest.mark.parametrize(("query", "text"), [("?!", "no word"), ("is:open", "is: takes"), ("*", "no word")])
async def test_what_cannot_be_searched_is_a_400(site: Site, query: str, text: str) -> None:
    for path in ("search", "groups"):
        async with site.http.get(f"{site.url}{site.api}/{path}", params={"q": query}, headers=site.bearer) as answer:
            error = (await answer.json())["error"]
            assert (answer.status, error["code"]) == (400, "bad_query")
            assert text in error["message"]


async def test_the_page_shows_what_is_unknown_and_what_can_be_searched(site: Site) -> None:
    async def shown(query: str) -> str:
        path = f"{site.url}/projects/{site.project.id}/search"
        async with site.http.get(path, params={"q": query, "range": "1h"}, headers=site.bearer) as answer:
            assert answer.status == 200
            return await answer.text()

    assert "No event of this range has a field or tag `Teir`; did you mean `tier`?" in await shown("Teir:gold")
    assert "This query has no word" in await shown("?!")
    text = await shown("os.name:Windows")
    assert "<b><data" in text
    for name in ("function:", "user.email:", "is:regressed", "handled:unknown", "browser.name:"):
        assert f"<code>{name}</code>" in text


async def test_the_event_shows_what_the_user_agent_says(site: Site) -> None:
    [hit] = (await site.get(f"{site.api}/search", q="browser.name:firefox os.name:windows"))["events"]
    event = await site.get(f"/api/v1/events/{hit['event_id']}")
    assert event["contexts"]["browser"] == {"name": "Firefox", "version": "121.0"}
    assert event["contexts"]["os"]["name"] == "Windows"
