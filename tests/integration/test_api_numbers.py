"""The API over the real server: events that were sent return as numbers, groups, events and raw bytes."""

from datetime import UTC, date, datetime, timedelta

import pytest

from app.settings import Settings
from app.web import params
from tests.integration.web_events import crash, other, session
from tests.integration.web_site import Site


async def test_a_crash_reaches_every_view(site: Site) -> None:
    sent = crash(extra={"password": "hunter2", "order": 7})
    await site.send(sent)
    await site.send(crash(user="u2"))
    await site.pipeline.step()
    groups = await site.get(f"{site.api}/groups")
    assert [(group["count"], group["users"], group["status"]) for group in groups["groups"]] == [(2, 2, "open")]
    rates = await site.get(f"{site.api}/rates", window="1m")
    assert sum(point["crashes"] for point in rates["points"]) == 2
    assert rates["complete_until"] is not None
    hits = await site.get(f"{site.api}/search", q="PriceError release:shop@1.0.0")
    assert hits["total"] == 2
    event = await site.get(f"/api/v1/events/{sent['event_id']}")
    assert event["exceptions"][0]["type"] == "PriceError"
    assert event["group"] == groups["groups"][0]["id"]
    assert event["extra"] == {"password": "[Filtered]", "order": 7}
    raw = await site.get(f"/api/v1/events/{sent['event_id']}/raw")
    sent["extra"]["password"] = "[Filtered]"  # noqa: S105  what secrets become
    assert raw == sent
    address = event["address"]
    assert await site.get(f"/files/{address['topic']}/{address['partition']}/{address['offset']}") == sent


async def test_sessions_make_release_health(site: Site) -> None:
    await site.envelope([session("exited"), session("exited", user="u2"), session("crashed", user="u3")])
    await site.pipeline.step()
    (release,) = (await site.get(f"{site.api}/releases"))["releases"]
    assert (release["sessions"], release["crashed_sessions"], release["adoption"]) == (3, 1, 1.0)
    assert release["crash_free_sessions"] == pytest.approx(2 / 3)
    assert release["crash_free_users"] == pytest.approx(2 / 3)
    rates = await site.get(f"{site.api}/rates", window="1d")
    assert [(point["sessions"], point["crashed_sessions"]) for point in rates["points"]] == [(3, 1)]


async def test_environments_have_rates_releases_and_groups_of_their_own(site: Site) -> None:
    for event in (crash(), crash(), crash(environment="eu: 1"), {**other(), "environment": "eu: 1"}):
        await site.send(event)
    await site.envelope([session("exited"), session("crashed", environment="eu: 1")])
    await site.pipeline.step()
    found = (await site.get(f"{site.api}/environments"))["environments"]
    assert found == [
        {"environment": "eu: 1", "crashes": 2, "sessions": 1, "crashed_sessions": 1},
        {"environment": "production", "crashes": 2, "sessions": 1, "crashed_sessions": 0},
    ]
    for environment, figures in (("eu: 1", [(2, 1, 1)]), ("production", [(2, 1, 0)]), ("nowhere", [])):
        points = (await site.get(f"{site.api}/rates", window="1d", environment=environment))["points"]
        assert [(point["crashes"], point["sessions"], point["crashed_sessions"]) for point in points] == figures
    (release,) = (await site.get(f"{site.api}/releases", environment="eu: 1"))["releases"]
    assert (release["crashes"], release["crash_free_sessions"], release["adoption"]) == (2, 0.0, 1.0)
    groups = (await site.get(f"{site.api}/groups", environment="eu: 1"))["groups"]
    assert {group["type"]: (group["matching"], group["count"]) for group in groups} == {
        "PriceError": (1, 3), "StockError": (1, 1),
    }  # fmt: skip
    (group,) = (await site.get(f"{site.api}/groups", environment="production"))["groups"]
    assert (group["type"], group["matching"]) == ("PriceError", 2)
    assert {group["matching"] for group in (await site.get(f"{site.api}/groups"))["groups"]} == {None}
    query = {"group": group["id"], "environment": "eu: 1"}
    assert await site.refused("GET", f"{site.api}/rates", query=query) == (400, "bad_environment")


async def test_status_and_merges_of_groups(site: Site) -> None:
    await site.send(crash())
    await site.send(other())
    await site.pipeline.step()
    first, second = [group["id"] for group in (await site.get(f"{site.api}/groups"))["groups"]]
    resolved = await site.post(f"/api/v1/groups/{first}", {"status": "resolved"})
    assert resolved["status"] == "resolved"
    listed = (await site.get(f"{site.api}/groups", status="open"))["groups"]
    assert [group["id"] for group in listed] == [second]
    merged = await site.post(f"/api/v1/groups/{first}/merge", {"into": second})
    assert (merged["id"], merged["count"], sorted(merged["members"])) == (second, 2, sorted([first, second]))
    events = await site.get(f"/api/v1/groups/{second}/events")
    assert (events["total"], {event["group"] for event in events["events"]}) == (2, {second})
    assert (await site.get(f"/api/v1/groups/{first}"))["id"] == second
    await site.post(f"/api/v1/groups/{first}/unmerge", {})
    assert (await site.get(f"/api/v1/groups/{first}"))["count"] == 1
    for path, body, code in (
        (f"/api/v1/groups/{first}", {"status": "fixed"}, "bad_status"),
        (f"/api/v1/groups/{first}", ["status"], "bad_body"),
        (f"/api/v1/groups/{first}/merge", {"into": first}, "same_group"),
        (f"/api/v1/groups/{first}/merge", {"into": "0" * 32}, "not_found"),
    ):
        assert (await site.refused("POST", path, body))[1] == code


async def test_a_group_explains_its_grouping(site: Site) -> None:
    await site.send(crash())
    await site.pipeline.step()
    (listed,) = (await site.get(f"{site.api}/groups"))["groups"]
    group = await site.get(f"/api/v1/groups/{listed['id']}")
    assert group["grouping"] == "g2"
    assert any(part["counted"] for part in group["why"])
    assert all(part["why"] for part in group["why"])


async def test_ranges_are_rounded_outward_and_echoed(site: Site) -> None:
    day, query = since(10)
    rates = await site.get(f"{site.api}/rates", window="1h", **query)
    assert (rates["from"], rates["to"]) == (f"{day}T10:00:00Z", f"{day}T12:00:00Z")
    groups = await site.get(f"{site.api}/groups", limit="100000", **query)
    assert (groups["from"], groups["to"]) == (f"{day}T10:20:00Z", f"{day}T11:11:00Z")
    assert set(groups["sizes"]) <= {60, 3600, 86400}
    for name, value, code in (
        ("from", "yesterday", "bad_time"),
        ("from", "2999-01-01", "bad_range"),
        ("window", "2m", "bad_window"),
        ("limit", "-1", "bad_limit"),
        ("sort", "title", "bad_sort"),
        ("cursor", "%%%", "bad_cursor"),
    ):
        path = f"{site.api}/{'rates' if name == 'window' else 'groups'}"
        assert await site.refused("GET", path, None, {name: value}) == (400, code)


@pytest.mark.parametrize(
    ("ago", "start", "end", "window"),
    [(Settings().minute_days, "T10:00:00Z", "T12:00:00Z", "1h"), (Settings().hour_days, "T00:00:00Z", "", "1d")],
)
async def test_expired_windows_are_replaced_by_larger_ones(
    site: Site, ago: int, start: str, end: str, window: params.Window
) -> None:
    day, query = since(ago + 1)
    following = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    ends = (day + start, day + end if end else f"{following}T00:00:00Z")
    groups = await site.get(f"{site.api}/groups", **query)
    releases = await site.get(f"{site.api}/releases", **query)
    rates = await site.get(f"{site.api}/rates", window="1m", **query)
    assert rates["window"] == window
    assert groups["sizes"] == [params.WINDOWS[window]]
    for reply in (groups, releases, rates):
        assert (reply["from"], reply["to"]) == ends


def since(ago: int) -> tuple[str, dict[str, str]]:
    """Return the day so many days ago, and 50 minutes of it as a query."""
    start = datetime.now(UTC).replace(hour=10, minute=20, second=30, microsecond=0) - timedelta(days=ago)
    return start.date().isoformat(), {"from": start.isoformat(), "to": (start + timedelta(minutes=50)).isoformat()}


async def test_an_event_id_of_two_projects_is_ambiguous(site: Site) -> None:
    second = await site.post("/api/v1/projects", {"name": "second"})
    event = crash()
    await site.send(event)
    key = second["dsn"].split("//")[1].split("@")[0]
    store = f"/api/{second['id']}/store/?sentry_key={key}"
    async with site.http.post(site.url + store, json=event) as answer:
        assert answer.status == 200
    await site.pipeline.step()
    path = f"/api/v1/events/{event['event_id']}"
    assert await site.refused("GET", path) == (409, "ambiguous")
    dashed = f"{event['event_id'][:8]}-{event['event_id'][8:]}".upper()
    assert (await site.get(f"/api/v1/events/{dashed}", project=str(second["id"])))["project"] == second["id"]
    assert await site.refused("GET", path, None, {"project": "999"}) == (404, "not_found")


async def test_the_ledger_balances(site: Site) -> None:
    event = crash()
    await site.send(event)
    await site.send(event)
    await site.envelope([({"type": "transaction"}, {"type": "transaction"})])
    minutes = (await site.get("/api/v1/ledger"))["minutes"]
    assert sum(minute["in_flight"] for minute in minutes) == 3
    await site.pipeline.step()
    minutes = (await site.get("/api/v1/ledger", project=str(site.project.id)))["minutes"]
    names = ("grouped", "duplicate", "filtered", "rate_limited", "dead_lettered", "in_flight")
    assert all(minute["accepted"] == sum(minute[name] for name in names) for minute in minutes)
    sums = {name: sum(minute[name] for minute in minutes) for name in names}
    assert sums == dict.fromkeys(names, 0) | {"grouped": 1, "duplicate": 1, "filtered": 1}
