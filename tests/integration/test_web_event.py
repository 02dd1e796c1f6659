"""The event page: times, scrubbed values, neighbours, and its commands for the API."""

import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.integration.web_events import crash, other
from tests.integration.web_site import Site, running_site


@pytest.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with running_site(database, tmp_path) as running:
        yield running


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
