"""The event page: times, scrubbed values, neighbours, and its commands for the API."""

import html
import re
from datetime import UTC, datetime

import pytest

from tests.integration.web_events import crash, other
from tests.integration.web_site import Site


async def page(site: Site, path: str) -> str:
    async with site.http.get(site.url + path, headers=site.bearer) as answer:
        assert answer.status == 200
        return await answer.text()


async def test_times_and_scrubbed_values_are_marked(site: Site) -> None:
    event = crash(extra={"password": "hunter2", "note": "kept"})
    await site.send(event)
    await site.pipeline.step()
    text = await page(site, f"/events/{event['event_id']}")
    assert all(f'<th scope="row">{name}</th>' in text for name in ("Occurred", "Sent", "Received", "Processed"))
    assert "hunter2" not in text
    assert re.search(r'password</th><td>\s*<mark class="filtered"', text)
    commands = re.findall(r'curl -H "Authorization: Bearer \$TOKEN" "([^"]+)"', html.unescape(text))
    assert [command.rsplit("/", 1)[-1].split("?")[0] for command in commands] == [event["event_id"], "raw"]
    for command in commands:
        async with site.http.get(command, headers=site.bearer) as answer:
            assert answer.status == 200
            assert event["event_id"] in await answer.text()


async def test_neighbours_are_those_of_the_group(site: Site) -> None:
    now = datetime.now(UTC).timestamp()
    events = [crash(timestamp=now - age) for age in (30, 20, 10)]
    for event in (*events, other()):
        await site.send(event)
    await site.pipeline.step()
    older, middle, newer = (event["event_id"] for event in events)
    for name, before, after in ((older, None, middle), (middle, older, newer), (newer, middle, None)):
        text = await page(site, f"/events/{name}")
        links = {
            rel: (re.findall(rf'href="/events/(\w+)[^"]*" rel="{rel}"', text) or [None])[0] for rel in ("prev", "next")
        }
        assert links == {"prev": before, "next": after}


async def test_the_place_among_many_events_and_the_buttons_of_the_group(site: Site) -> None:
    now = datetime.now(UTC).timestamp()
    events = [crash(timestamp=now - 3600 * age) for age in range(60, 0, -1)]
    for event in events:
        await site.send(event)
    await site.pipeline.step()
    names = [event["event_id"] for event in events]
    group = (await site.get(f"/api/v1/events/{names[0]}"))["group"]
    for place, steps in ((0, [1, 59]), (2, [0, 1, 3, 59]), (59, [0, 58])):
        path = f"/events/{names[place]}"
        text = await page(site, path)
        nav = text.partition('<nav class="steps"')[2].partition("</nav>")[0]
        assert re.findall(r'href="/events/(\w+)', nav) == [names[step] for step in steps]
        assert f"{place + 1} of 60" in nav
        assert text.count(f'action="/groups/{group}/status"') == 1
        assert 'data-key="r"' in text
    nav = (await page(site, f"/groups/{group}")).partition('<nav class="steps"')[2]
    assert "60 of 60" in nav
    form = {"status": "resolved", "back": path}
    for back, leads in ((path, path), ("//elsewhere.example", f"/groups/{group}")):
        async with site.http.post(
            f"{site.url}/groups/{group}/status", data={**form, "back": back}, headers=site.bearer, allow_redirects=False
        ) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, leads)
    assert "resolved</span>" in await page(site, path)


async def test_events_of_one_millisecond_have_an_order(site: Site) -> None:
    now = datetime.now(UTC).timestamp()
    for event in (events := [crash(timestamp=now) for _ in range(3)]):
        await site.send(event)
    await site.pipeline.step()
    for place, event in enumerate(events):
        text = await page(site, f"/events/{event['event_id']}")
        assert f"{place + 1} of 3" in text
        older = re.findall(r'href="/events/(\w+)[^"]*" rel="prev"', text)
        assert older == [earlier["event_id"] for earlier in events[max(place - 1, 0) : place]]


@pytest.mark.parametrize(
    ("mechanism", "said"),
    [
        ({"type": "excepthook", "handled": False}, ">unhandled</a>"),
        ({"type": "logging", "handled": True}, ">handled</span>"),
        ({"type": "generic"}, ">handled: not said</span>"),
    ],
)
async def test_handled_is_said_only_where_the_sdk_said_it(site: Site, mechanism: dict[str, object], said: str) -> None:
    event = crash()
    event["exception"]["values"][0]["mechanism"] = mechanism
    await site.send(event)
    await site.pipeline.step()
    group = (await site.get(f"/api/v1/events/{event['event_id']}"))["group"]
    for path in (f"/events/{event['event_id']}", f"/groups/{group}"):
        chips = (await page(site, path)).partition('<p class="chips">')[2].partition("</p>")[0]
        assert said in chips
        assert all(value in chips for value in ("production", "shop@1.0.0", "u1", "error"))
        assert chips.count("handled") == said.count("handled") + (said == ">unhandled</a>")


async def test_native_and_threads_are_shown(site: Site) -> None:
    frame = {"function": "pay", "package": "/lib/libshop.so", "instruction_addr": "0x1f2", "image_addr": "0x100"}
    event = {
        "event_id": "a" * 32, "platform": "native", "debug_meta": {"images": [
            {"type": "elf", "code_file": "/lib/libshop.so", "image_addr": "0x100", "debug_id": "d-1"}]},
        "exception": {"values": [{"type": "SIGSEGV", "stacktrace": {"frames": [frame], "registers": {"pc": "0x1f2"}}}]},
        "threads": {"values": [{"id": 7, "name": "pool-1", "state": "BLOCKED", "stacktrace": {"frames": [frame]}}]},
    }  # fmt: skip
    await site.send(event)
    await site.pipeline.step()
    text = await page(site, f"/events/{'a' * 32}")
    for shown in (
        "libshop.so 0x1f2", '<th scope="row">Loaded at</th><td>0x100</td>', '<th scope="row">pc</th><td>0x1f2</td>',
        "Loaded binaries", "0x100 · d-1", "BLOCKED</span>", "pool-1",
    ):  # fmt: skip
        assert shown in text, shown
    reply = await site.get(f"/api/v1/events/{'a' * 32}")
    native = reply["exceptions"][0]["frames"][0]
    assert (native["package"], native["address"], native["image"]) == ("/lib/libshop.so", "0x1f2", "0x100")
    assert reply["exceptions"][0]["registers"] == {"pc": "0x1f2"}
    assert reply["threads"][0]["state"] == "BLOCKED"
    assert reply["images"][0]["debug_id"] == "d-1"
