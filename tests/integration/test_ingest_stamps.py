"""What ingest stamps records with: the project's grouping, and the version of its rules, a new one within 5 s."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import aiohttp
import asyncpg
import pytest

from app.ingest.limits import MAX_KNOWN
from app.ingest.stamps import NO_STAMP, Stamp, Stamps
from app.model import Facts
from app.stores.admin.projects import FoundKey
from app.stores.admin.rules import ProjectRules
from app.stores.errors import StoreUnavailable
from tests.integration.ingest_site import Site, running_ingest

RULES = 'in_app = ["shop."]'


@pytest.fixture
async def pool(database: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    async with asyncpg.create_pool(database, min_size=0, max_size=2) as opened:
        yield opened


async def send(site: Site) -> Facts:
    """Send one event; return the facts of its record."""
    async with aiohttp.ClientSession() as http:
        url = f"{site.url}/api/{site.project.id}/store/?sentry_key={site.project.sentry_key}"
        async with http.post(url, data=json.dumps({"message": "hello"})) as reply:
            event_id = (await reply.json())["id"]
    [facts] = [facts for facts, _ in (await site.records()).values() if facts.event_id == event_id]
    return facts


async def test_records_bear_grouping_and_rules_of_their_project(
    database: str, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    async with running_ingest(database) as site:
        facts = await send(site)
        assert (facts.grouping, facts.project_rules) == ("g2", 0)
        start = time.monotonic()
        assert await ProjectRules(pool).set_text(site.project.id, RULES) == 1
        async with asyncio.timeout(5):
            while (await send(site)).project_rules != 1:
                await asyncio.sleep(0.2)
        assert time.monotonic() - start < 5
        assert await ProjectRules(pool).set_text(site.project.id, RULES) == 1, "the same text is no new version"


async def test_records_of_a_project_from_before_are_grouped_as_ever(
    database: str, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    async with running_ingest(database) as site:
        await pool.execute("update projects set grouping = 'g1' where id = $1", site.project.id)
        assert (await send(site)).grouping == "g1"
        with pytest.raises(ValueError, match="groups by g1"):
            await ProjectRules(pool).set_text(site.project.id, RULES)


class Store:
    """A store of rules that can be away."""

    def __init__(self) -> None:
        self.versions = {7: 3}
        self.away = False

    async def rules(self) -> dict[int, int]:
        if self.away:
            raise StoreUnavailable
        return dict(self.versions)


async def test_stamps_stay_what_they_were_while_the_store_is_away() -> None:
    store = Store()
    stamps = Stamps(store)
    assert stamps.of(7) == NO_STAMP
    stamps.note(FoundKey(7, "sentry", disabled=False, grouping="g2", rules=2))
    assert stamps.of(7) == Stamp("g2", 2)
    await stamps.refresh()
    assert stamps.of(7) == Stamp("g2", 3)
    store.away = True
    with pytest.raises(StoreUnavailable):
        await stamps.refresh()
    assert stamps.of(7) == Stamp("g2", 3)
    stamps.note(FoundKey(7, "sentry", disabled=False, grouping="g2", rules=4))
    assert stamps.of(7) == Stamp("g2", 4), "a key found later may know more"


def test_the_memory_of_stamps_is_bounded() -> None:
    assert Stamps(Store())._keys.maxsize == MAX_KNOWN
