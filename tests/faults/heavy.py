"""Heavy crash reports that are sent while a store is away, and the check that none was lost or counted twice."""

import asyncio
import json
import random
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp

from tests.support.cluster import Cluster
from tests.support.truth_parts import Request
from tests.support.truth_run import send

PAYLOAD_BYTES: Final = 100_000
PORTION: Final = 6
"""Sent at a time, about three times a second: some 100 MB in a minute."""

PAUSE_SECONDS: Final = 0.3
PAGE: Final = 100


class Heavy:
    """Crash reports of 100 KB that hardly compress, all of one group."""

    def __init__(self, cluster: Cluster, seed: int = 11) -> None:
        self._cluster, self._chance = cluster, random.Random(seed)
        self.sent: dict[str, bytes] = {}
        """Payloads by event id."""

    async def during(self, step: Callable[[], Awaitable[None]]) -> None:
        """Send portions until the step is done."""
        doing = asyncio.ensure_future(step())
        while not doing.done():
            await self.portion()
            await asyncio.wait([doing], timeout=PAUSE_SECONDS)
        doing.result()

    async def portion(self) -> None:
        """Send some, and wait until each is acknowledged."""
        await send(lambda: self._cluster.ingest_url, [self._request() for _ in range(PORTION)], _nothing)

    async def check(self) -> int:
        """Assert that each was counted once, is found once and is read as sent; return how many there are."""
        found = Counter[str]()
        headers = {"Authorization": f"Bearer {self._cluster.token}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            cursor, more = "", True
            while more:
                page = await self._page(session, cursor)
                for document in page["events"]:
                    found[document["event_id"]] += 1
                    assert await self._payload(session, document) == self.sent[document["event_id"]]
                cursor, more = page["next"], bool(page["next"])
        assert found == dict.fromkeys(self.sent, 1)
        assert await asyncio.to_thread(self._counted) == len(self.sent)
        return len(self.sent)

    def _request(self) -> Request:
        project, event_id = self._cluster.project, uuid.UUID(int=self._chance.getrandbits(128), version=4).hex
        event = {
            "event_id": event_id,
            "platform": "python",
            "exception": {"values": [{"type": "MemoryError", "value": "the cart is too large"}]},
            "extra": {"cart": self._chance.randbytes(PAYLOAD_BYTES // 2).hex()},
        }
        self.sent[event_id] = json.dumps(event).encode()
        key = str(project["dsn"]).split("//")[1].split("@")[0]
        headers = {"X-Sentry-Auth": f"Sentry sentry_key={key}, sentry_version=7, sentry_client=heavy/1"}
        return Request(f"/api/{project['id']}/store/", headers, self.sent[event_id])

    async def _page(self, session: aiohttp.ClientSession, cursor: str) -> Any:  # noqa: ANN401  JSON of whatever shape
        query = urlencode({"q": "type:MemoryError", "limit": PAGE, "cursor": cursor})
        path = f"{self._cluster.url}/api/v1/projects/{self._cluster.project['id']}/search?{query}"
        async with session.get(path) as answer:
            return json.loads(await answer.read())

    async def _payload(self, session: aiohttp.ClientSession, document: dict[str, Any]) -> bytes:
        path = "/files/{topic}/{partition}/{offset}".format(**document["address"])
        async with session.get(self._cluster.files_url + path) as answer:
            return await answer.read()

    def _counted(self) -> int:
        path = f"/api/v1/projects/{self._cluster.project['id']}/rates?window=1d"
        return sum(point["crashes"] for point in self._cluster.get(path)["points"])


async def _nothing() -> None:
    pass
