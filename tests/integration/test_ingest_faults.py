"""No reply of success without the event in the log, whatever becomes of the connections behind ingest."""

import asyncio
from collections.abc import Callable

import aiohttp
import asyncpg

from app.settings import Settings
from app.stores.admin.projects import Projects
from tests.integration.ingest_site import Site, running_ingest, serving

EVENTS = 400
SENDERS = 8
ITEM = b'{"type":"event"}\n{}\n'


async def test_acknowledged_events_are_in_the_log_though_connections_break(database: str) -> None:
    async with running_ingest(database) as site, aiohttp.ClientSession() as client:
        statuses: dict[int, int] = {}
        url = f"{site.url}/api/{site.project.id}/envelope/?sentry_key={site.project.sentry_key}"

        async def send(numbers: range) -> None:
            for number in numbers:
                async with client.post(url, data=b'{"event_id":"%032x"}\n' % number + ITEM) as reply:
                    statuses[number] = reply.status

        senders = [asyncio.create_task(send(range(1 + first, EVENTS, SENDERS))) for first in range(SENDERS)]
        await _break_connections(database, until=lambda: len(statuses) >= EVENTS - SENDERS)
        await asyncio.gather(*senders)
        assert set(statuses.values()) <= {200, 503}
        stored = [int(facts.event_id, 16) for facts, _ in (await site.records()).values()]
        assert len(stored) == len(set(stored))
        assert {number for number, status in statuses.items() if status == 200} <= set(stored)
        async with client.post(url, data=b'{"event_id":"%032x"}\n' % EVENTS + ITEM) as reply:
            assert reply.status == 200


async def test_a_known_key_is_valid_while_the_keys_cannot_be_read(database: str) -> None:
    async with running_ingest(database) as site, aiohttp.ClientSession() as client:
        pool = await asyncpg.create_pool(database, min_size=1, max_size=1)
        async with serving(site.log, Projects(pool), Settings(partitions=4)) as url:
            assert await _post(client, url, site, site.project.raygun_key) == (202, "")
            await pool.close()
            assert await _post(client, url, site, site.project.raygun_key) == (202, "")
            assert await _post(client, url, site, "never-seen") == (503, "keys_unavailable")


async def test_slow_clients_free_their_memory(database: str) -> None:
    async with running_ingest(database, read_timeout=0.3, body_memory_mb=1) as site:
        head = f"POST /entries?apikey={site.project.raygun_key} HTTP/1.1\r\nHost: h\r\nContent-Length: 600000\r\n\r\n"
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", int(site.url.rpartition(":")[2]))
            writer.write(head.encode() + b" " * 599_999)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"\r\nConnection: close\r\n" in answer
            writer.close()


async def _post(client: aiohttp.ClientSession, url: str, site: Site, key: str) -> tuple[int, str]:
    body = b'{"occurredOn":"2026-11-24T06:55:10Z","details":{}}'
    async with client.post(f"{url}/entries", data=body, headers={"X-ApiKey": key}) as reply:
        assert site.project.name not in await reply.text()
        return reply.status, reply.headers.get("X-Sentry-Error", "")


async def _break_connections(database: str, until: Callable[[], bool]) -> None:
    connection = await asyncpg.connect(database)
    while not until():
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'faultline log' and datname = current_database()"
        )
        await asyncio.sleep(0.05)
    await connection.close()
