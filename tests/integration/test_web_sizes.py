"""No page of a group or an event is larger than a phone can take, whatever was recorded or is made up to be large."""

import pytest

from tests.integration.web_events import large
from tests.integration.web_site import Site
from tests.system import corpus

LARGEST = 300_000
"""Bytes of HTML before compression."""


async def send_recorded(site: Site) -> None:
    """Send the recorded requests of real SDKs."""
    project = site.project
    keys = {"id": project.id, "dsn": project.dsn(site.url), "raygun_key": project.raygun_key}
    for request in corpus.recorded(keys):
        async with site.http.request(
            request.method, site.url + request.path, data=request.body or None, headers=request.headers,
            skip_auto_headers=["Content-Type", "User-Agent", "Accept-Encoding"],
        ) as answer:  # fmt: skip
            assert answer.status == request.status, request.name


async def paths(site: Site) -> list[str]:
    """Return the page of every group and of every event."""
    found, query = [], {"from": "2020-01-01", "limit": "200"}
    for group in (await site.get(f"{site.api}/groups", **query))["groups"]:
        events = (await site.get(f"/api/v1/groups/{group['id']}/events", limit="200"))["events"]
        found += [f"/groups/{group['id']}", *(f"/events/{event['event_id']}" for event in events)]
    return found


async def size(site: Site, path: str) -> int:
    async with site.http.get(site.url + path, headers={**site.bearer, "Accept-Encoding": "gzip"}) as answer:
        assert answer.status == 200, path
        assert answer.headers["Content-Encoding"] == "gzip"
        return len(await answer.read())


@pytest.mark.skipif(not corpus.FILES, reason=corpus.ABSENT)
async def test_pages_of_recorded_events_are_small(site: Site) -> None:
    await send_recorded(site)
    await site.pipeline.step()
    every = await paths(site)
    assert len(every) > 50
    for path in every:
        assert await size(site, path) < LARGEST, path


async def test_pages_of_large_events_are_small(site: Site) -> None:
    events = large()
    for event in events:
        await site.send(event)
    await site.pipeline.step()
    every = await paths(site)
    assert len(every) == 2 * len(events)
    for path in every:
        assert await size(site, path) < LARGEST, path
