"""Server-sent events, and the API while PostgreSQL is away."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from tests.integration.gate import Gate
from tests.integration.web_events import crash, session
from tests.integration.web_site import Site, running_site


async def next_event(answer: aiohttp.ClientResponse) -> tuple[str, dict[str, Any]]:
    """Return the next event of a stream."""
    name = ""
    async for line in answer.content:
        if line.startswith(b"event: "):
            name = line[7:].strip().decode()
        if line.startswith(b"data: "):
            return name, msgspec.json.decode(line[6:])
    raise AssertionError("the stream ended")


async def until(answer: aiohttp.ClientResponse, name: str) -> dict[str, Any]:
    """Return the next event of a name."""
    while True:
        event, data = await asyncio.wait_for(next_event(answer), 20)
        if event == name:
            return data


async def test_changes_are_sent_as_they_are_counted(site: Site) -> None:
    stream = site.http.get(f"{site.url}{site.api}/live", headers=site.bearer, timeout=aiohttp.ClientTimeout(30))
    async with stream as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert "complete_until" in await until(answer, "watermark")  # it follows the log from before this on
        await site.send(crash())
        await site.envelope([session("exited")])
        await site.pipeline.step()
        groups: list[dict[str, Any]] = []
        points: list[dict[str, Any]] = []
        while not (groups and any(point["sessions"] for point in points)):
            name, data = await asyncio.wait_for(next_event(answer), 20)
            groups += [data] if name == "group" else []
            points += data["points"] if name == "window" else []
        assert [group["kind"] for group in groups] == ["new"]
        assert {point["group"] for point in points} == {None, groups[0]["group"]}
        assert {point["sessions"] for point in points if point["group"]} == {None}


async def test_a_new_group_is_sent_once_its_key_was_compared_though_nothing_else_changes(site: Site) -> None:
    stream = site.http.get(f"{site.url}{site.api}/live", headers=site.bearer, timeout=aiohttp.ClientTimeout(30))
    async with stream as answer:
        assert "complete_until" in await until(answer, "watermark")
        await site.send(crash())
        await site.pipeline.read()
        assert await site.pipeline.pool.fetchval("select count(*) from notices where pending") == 1
        while (await until(answer, "window"))["points"][0]["group"] is None:
            pass
        start = asyncio.get_running_loop().time()
        assert await site.pipeline.comparison.once() == 1
        assert (await until(answer, "group"))["kind"] == "new"
        assert asyncio.get_running_loop().time() - start < 4, "before readers would pass over the comparison"


async def test_a_stopping_server_ends_its_streams(database: str, tmp_path: Path) -> None:
    async with running_site(database, tmp_path) as site:
        http = aiohttp.ClientSession()
        answer = await http.get(f"{site.url}{site.api}/live", headers=site.bearer)
        await answer.content.readline()
    assert b"event: window" not in await asyncio.wait_for(answer.content.read(), 10)
    await http.close()


async def test_the_api_recovers_when_postgresql_is_back(database: str, tmp_path: Path) -> None:
    async with Gate.open(database) as gate, running_site(gate.url, tmp_path) as site:
        await site.send(crash())
        await site.pipeline.step()
        assert len((await site.get(f"{site.api}/groups"))["groups"]) == 1
        gate.shut()
        assert await site.refused("GET", f"{site.api}/groups") == (503, "store_unavailable")
        async with site.http.get(f"{site.url}/readyz") as answer:
            assert (answer.status, (await answer.json())["ready"]) == (503, False)
        async with site.http.get(f"{site.url}/healthz") as answer:
            assert answer.status == 200
        gate.is_open = True
        assert len((await site.get(f"{site.api}/groups"))["groups"]) == 1
        async with site.http.get(f"{site.url}/readyz") as answer:
            assert answer.status == 200
