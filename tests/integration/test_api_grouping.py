"""The API's grouping over the real stores: causes, similar groups and decisions, rules and their versions."""

import asyncio
from typing import Any

from tests.integration.web_events import chained, crash, java, other
from tests.integration.web_site import Site

QUESTION = (
    java("IllegalStateException", "item lamp is closed", "reserve", 32, owner="acme.Stock"),
    java("IllegalStateException", "item pear is closed", "release", 38, owner="acme.Stock"),
)
"""Two groups that look alike, and that a person decides about."""

TWINS = (java("NullPointerException", "", "padLeft", 11), java("NullPointerException", "", "padRight", 22))
"""Two groups that the comparison joins."""

RULES = '[[group_by]]\nname = "prices"\ntype = "PriceError"\nby = ["type", "environment"]\n'


async def put(site: Site, body: object, status: int = 200) -> Any:  # noqa: ANN401  JSON
    async with site.http.put(f"{site.url}{site.api}/rules", json=body, headers=site.bearer) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


async def test_a_title_stands_beside_its_cause(site: Site) -> None:
    event = chained()
    (group,) = await site.count(event)
    title, cause = "PaymentError: could not pay", "KeyError: 'adyen'"
    (listed,) = (await site.get(f"{site.api}/groups"))["groups"]
    (hit,) = (await site.get(f"{site.api}/search", q="adyen"))["events"]
    for reply in (
        listed, hit, await site.get(f"/api/v1/groups/{group}"), await site.get(f"/api/v1/events/{event['event_id']}"),
    ):  # fmt: skip
        assert (reply["title"], reply["cause"]) == (title, cause)


async def test_a_suggestion_is_accepted(site: Site) -> None:
    first, second = await site.count(*QUESTION)
    assert first != second
    (link,) = (await site.get(f"/api/v1/groups/{first}/similar"))["similar"]
    assert (link["group"], link["kind"], link["by"]) == (second, "suggestion", "automatic")
    assert link["title"] == "IllegalStateException: item pear is closed"
    assert 0 < link["score"] <= 1
    assert any("a person decides" in reason for reason in link["reasons"])
    assert sorted(link["keys"]) == sorted([first, second])
    merged = await site.post(f"/api/v1/groups/{first}/similar", {"other": second, "decision": "merge"})
    assert [(link["group"], link["kind"], link["by"]) for link in merged["similar"]] == [(second, "alias", "person")]
    assert (await site.get(f"/api/v1/groups/{second}"))["members"] == [first, second]
    await site.pipeline.step()
    assert (await site.get(f"/api/v1/groups/{first}"))["count"] == 2


async def test_a_suggestion_is_refused_for_good(site: Site) -> None:
    first, second = await site.count(*QUESTION)
    refused = await site.post(f"/api/v1/groups/{first}/similar", {"other": second.upper(), "decision": "never"})
    assert [(link["group"], link["kind"], link["by"]) for link in refused["similar"]] == [(second, "never", "person")]
    await site.count(*(java("IllegalStateException", f"item {word} is closed", name, line, owner="acme.Stock")
                        for word, name, line in (("lamp", "reserve", 32), ("pear", "release", 38))))  # fmt: skip
    assert (await site.get(f"/api/v1/groups/{first}"))["members"] == [first]


async def test_an_automatic_alias_is_undone(site: Site) -> None:
    first, second = await site.count(*TWINS)
    assert first == second
    (link,) = (await site.get(f"/api/v1/groups/{first}/similar"))["similar"]
    assert (link["kind"], link["by"], link["score"], link["stage"]) == ("alias", "automatic", 1.0, "similar")
    assert "stacks are alike: 1.00" in link["reasons"]
    await site.post(f"/api/v1/groups/{first}/similar", {"other": link["group"], "decision": "never"})
    await site.pipeline.step()
    assert (await site.get(f"/api/v1/groups/{first}"))["count"] == 1
    assert (await site.get(f"/api/v1/groups/{link['group']}"))["id"] == link["group"]


async def test_decisions_that_do_not_fit_are_refused(site: Site) -> None:
    second = await site.post("/api/v1/projects", {"name": "second"})
    first, twin = await site.count(crash(), other())
    elsewhere = crash()
    key = second["dsn"].split("//")[1].split("@")[0]
    async with site.http.post(f"{site.url}/api/{second['id']}/store/?sentry_key={key}", json=elsewhere) as answer:
        assert answer.status == 200
    await site.pipeline.step()
    foreign = (await site.get(f"/api/v1/events/{elsewhere['event_id']}"))["group"]
    for body, expected in (
        ({"other": "0" * 32, "decision": "merge"}, (404, "not_found")),
        ({"other": "\0", "decision": "never"}, (404, "not_found")),
        ({"other": foreign, "decision": "merge"}, (404, "not_found")),
        ({"other": first, "decision": "never"}, (409, "same_group")),
        ({"other": twin, "decision": "perhaps"}, (400, "bad_body")),
        ({"other": twin}, (400, "bad_body")),
    ):
        assert await site.refused("POST", f"/api/v1/groups/{first}/similar", body) == expected
    assert (await site.get(f"/api/v1/groups/{first}/similar"))["similar"] == []


async def test_rules_have_immutable_versions(site: Site) -> None:
    empty = await site.get(f"{site.api}/rules")
    assert (empty["version"], empty["text"], empty["grouping"], empty["history"]) == (0, "", "g2", [])
    first = await put(site, {"text": RULES.replace("\n", "\r\n"), "edited": 0})
    assert (first["version"], first["text"], first["author"]) == (1, RULES, "person")
    assert (await put(site, {"text": RULES}))["version"] == 1
    second = await put(site, {"text": "# none\n", "edited": 1})
    assert [known["version"] for known in second["history"]] == [2, 1]
    old = await site.get(f"{site.api}/rules", version="1")
    assert (old["version"], old["newest"], old["text"]) == (1, 2, RULES)
    assert (await put(site, {"text": RULES, "edited": 1}, 409))["error"]["code"] == "rules_changed"
    for version, expected in (("3", (404, "not_found")), ("x", (400, "bad_version")), ("9" * 12, (400, "bad_version"))):
        assert await site.refused("GET", f"{site.api}/rules", None, {"version": version}) == expected


async def test_what_is_wrong_with_rules_is_said_with_its_line(site: Site) -> None:
    for text, expected in (
        ("in_app = [\n", "(at line 1, the last one)"),
        (RULES + "forbidden = 1\n", "unknown field `forbidden` (at line 5)"),
        (RULES + '[[group_by]]\nname = "prices"\n', "two rules of group_by have one name"),
    ):
        error = (await put(site, {"text": text}, 400))["error"]
        assert error["code"] == "bad_rules"
        assert expected in error["message"]
    for body in ({}, {"text": 3}, {"edited": 1}):
        assert (await put(site, body, 400))["error"]["code"] == "bad_body"
    assert (await put(site, {"take_back": "0" * 16}, 404))["error"]["code"] == "not_found"
    assert (await site.get(f"{site.api}/rules"))["version"] == 0


async def test_a_project_of_the_first_grouping_knows_no_rules(site: Site) -> None:
    await site.pipeline.pool.execute("update projects set grouping = 'g1'")
    assert (await put(site, {"text": RULES}, 409))["error"]["code"] == "no_rules"
    (project,) = (await site.get("/api/v1/projects"))["projects"]
    assert project["grouping"] == "g1"


async def test_the_explanation_names_the_rule(site: Site) -> None:
    await put(site, {"text": RULES})
    ruled: list[dict[str, Any]] = []
    async with asyncio.timeout(30):  # ingest stamps records with a new version within 5 s
        while not ruled:
            (group,) = await site.count(crash())
            why = (await site.get(f"/api/v1/groups/{group}"))["why"]
            ruled = [part for part in why if part["name"] == "project rule"]
    assert ruled[0]["raw"] == "rules of the project, version 1"
    assert "group_by 'prices'" in ruled[0]["why"]
    assert [part for part in why if part["counted"]] == ruled
