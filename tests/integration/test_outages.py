"""The truth while a store is away: a frozen PostgreSQL and a moved folder of reports, seen by every surface."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
import asyncpg
import msgspec
import psutil
import pytest

from agents.archive import Archive
from app import outages
from app.cli import doctor_stores
from app.embedded import EmbeddedPostgres
from app.log.batch import Batch
from app.settings import Settings
from app.stores.admin.migrate import migrate
from app.stream.role import RoleApp
from app.topics import PROCESSED, qualified
from app.web.health import FRESH_SECONDS
from tests.integration.web_events import crash
from tests.integration.web_site import ONE, OneRole, Site, running_site

LIMIT = 12.0
"""Seconds: a statement of a page ends within 5, an append of ingest within 10, and this machine is busy."""
PROBED_SECONDS = FRESH_SECONDS + 0.5
"""After this time a probe of the files is made anew."""


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a server and all its backends, as a machine does that hangs, while the block runs."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in reversed(processes):
            os.kill(process.pid, signal.SIGCONT)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[str, int]]:
    """Yield the URL and the pid of a PostgreSQL of the test's own."""
    server = EmbeddedPostgres(tmp_path / "postgres")
    url = server.start()
    connection = await asyncpg.connect(url)
    await migrate(connection)
    await connection.close()
    assert server.pid is not None
    yield url, server.pid
    server.stop()


async def timed(site: Site, method: str, path: str, **more: Any) -> tuple[int, str, aiohttp.ClientResponse, float]:  # noqa: ANN401  aiohttp's own
    began = time.monotonic()
    async with site.http.request(method, site.url + path, **{"headers": site.bearer, **more}) as answer:
        return answer.status, await answer.text(), answer, time.monotonic() - began


async def test_a_frozen_postgresql_is_named_in_time_everywhere(server: tuple[str, int], tmp_path: Path) -> None:
    url, pid = server
    settings = Settings(database=url, data=str(tmp_path))
    sentence = outages.sentence(outages.STORE, settings)
    async with running_site(url, tmp_path) as site:
        await site.send(crash())
        key = f"?sentry_key={site.project.sentry_key}"
        envelope = {"data": b'{}\n{"type":"event"}\n{}\n', "headers": {}}
        with frozen(pid):
            page, api, sent, ready, doctor = await asyncio.gather(
                timed(site, "GET", f"/projects/{site.project.id}"),
                timed(site, "GET", f"{site.api}/groups"),
                timed(site, "POST", f"/api/{site.project.id}/envelope/{key}", **envelope),
                timed(site, "GET", "/readyz"),
                doctor_stores.stores(settings),
            )
            assert [answer[0] for answer in (page, api, sent, ready)] == [503] * 4
            assert max(answer[3] for answer in (page, api, sent, ready)) < LIMIT
            for status, text, answer, _ in (page, api):
                assert (status, sentence in text) == (503, True)
                assert int(answer.headers["Retry-After"]) > 0
            assert sent[2].headers["Retry-After"] == "5"
            assert sentence in ready[1]
            assert doctor[0].what.startswith(sentence)
        for _ in range(40):  # it recovers by itself
            if (await timed(site, "GET", f"{site.api}/groups"))[0] == 200:
                break
            await asyncio.sleep(0.5)
        await site.send(crash())
        assert (await timed(site, "GET", "/readyz"))[0] == 200


async def archived(site: Site, database: str, folder: Path) -> None:
    """Process everything and archive it, by a role of its own as after a restart."""
    await site.pipeline.step()
    role = OneRole(site.pipeline.log, database, folder)
    role.settings = Settings(database=database, data=str(folder))
    agent = Archive(cast("RoleApp", role))
    async with role.resources[0].opened():
        records = await site.pipeline.log.read(qualified(1, PROCESSED), 0, 0)
        await agent.handle(Batch(topic=records[0].topic, partition=0, records=records), ONE)


async def test_a_moved_folder_is_named_and_its_reports_come_from_the_log(
    site: Site, database: str, tmp_path: Path
) -> None:
    settings = Settings(database=database, data=str(tmp_path))
    files, moved = tmp_path / "files", tmp_path / "elsewhere"
    sentence = outages.sentence(outages.FILES, settings)
    assert "files_unavailable" not in await codes(site)  # it is new
    event = crash()
    await site.send(event)
    await archived(site, database, tmp_path)
    raw = await site.get(f"/api/v1/events/{event['event_id']}/raw")
    files.rename(moved)
    await asyncio.sleep(PROBED_SECONDS)
    assert (await codes(site))["files_unavailable"] == sentence
    assert sentence in (await timed(site, "GET", "/pipeline"))[1]
    assert (await doctor_stores.stores(settings))[1].what.startswith(sentence)
    assert await site.get(f"/api/v1/events/{event['event_id']}/raw") == raw
    assert not files.exists()
    moved.rename(files)
    await asyncio.sleep(PROBED_SECONDS)
    assert "files_unavailable" not in await codes(site)


async def codes(site: Site) -> dict[str, str]:
    """Return the reasons of /readyz by code."""
    _, text, _, _ = await timed(site, "GET", "/readyz")
    return {reason["code"]: reason["message"] for reason in msgspec.json.decode(text)["reasons"]}
