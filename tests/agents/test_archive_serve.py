"""The file server: reports by address, from the archive or, scrubbed, from the log, otherwise as they were sent."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import msgspec
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import BaseTestServer, TestServer

from app.files.archiver import Archiver
from app.files.catalogue import Catalogue
from app.files.read import ObjectArchive
from app.files.reports import Reports
from app.files.routes import add_routes
from app.log.contract import NewRecord, TopicSpec
from app.log.postgres.log import PostgresLog
from app.model import Address, Facts, Kind
from app.records import encode_facts
from app.stores.objects.contract import ObjectStore
from app.stores.objects.open import open_objects
from app.topics import FACTS, Source
from tests.agents.archive_parts import processed, stored

BODY = b'{"password": "hunter2", "n": 1}'


def scrub(payload: bytes, version: int) -> bytes:
    assert version == 3
    return payload.replace(b"hunter2", b"[Filtered]")


def facts(kind: Kind = "sentry", content_type: str = "application/json") -> Facts:
    return Facts(7, kind, "error", "e" * 32, 5, rules=3, content_type=content_type)


def record(value: bytes | None, known: Facts | None = None, topic: str = "1.crashes") -> NewRecord:
    return NewRecord(topic, 1, b"k", value, {FACTS: encode_facts(known or facts())}, 5)


@pytest.fixture
async def pool(database: str) -> AsyncIterator["asyncpg.Pool"]:
    async with asyncpg.create_pool(database, min_size=0, max_size=2) as pool:
        yield pool


@pytest.fixture
async def log(database: str) -> AsyncIterator[PostgresLog]:
    async with PostgresLog(database) as log:
        await log.ensure([TopicSpec("1.crashes", 2), TopicSpec("1.processed", 2), TopicSpec("1.dead-letters", 2)])
        yield log


@pytest.fixture(params=["folder", "s3"])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    url = request.getfixturevalue("s3_url") if request.param == "s3" else f"file://{tmp_path}/files"
    async with open_objects(url) as opened:
        yield opened


@pytest.fixture
async def site(pool: "asyncpg.Pool", log: PostgresLog, blobs: ObjectStore) -> AsyncIterator[BaseTestServer]:
    async def authorise(request: web.Request, project: int | None) -> None:
        if request.headers.get("Authorization") is None:
            raise web.HTTPUnauthorized
        if project not in (None, 7):
            raise web.HTTPNotFound

    async def log_start(_: Source) -> int:
        return 0

    await Archiver(blobs, Catalogue(pool), log_start, 1 << 20).store([processed(0, 3)])
    application = web.Application()
    add_routes(application, reports=Reports(ObjectArchive(blobs, pool, 1 << 20), log, scrub), authorise=authorise)
    async with TestServer(application) as server:
        yield server


async def get(site: BaseTestServer, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    async with (
        ClientSession() as session,
        session.get(site.make_url(path), headers={"Authorization": "x", **headers}) as response,
    ):
        return response.status, await response.read(), dict(response.headers)


async def test_a_report_from_the_archive_is_byte_exact(site: BaseTestServer) -> None:
    for offset in range(4):
        status, body, headers = await get(site, f"/files/1.crashes/0/{offset}")
        assert (status, body) == (200, stored(offset).payload)
        assert headers["Content-Type"] == "application/json"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Disposition"] == f'attachment; filename="1.crashes-0-{offset}"'
        assert "sandbox" in headers["Content-Security-Policy"]


async def test_a_report_that_is_still_in_the_log_is_scrubbed(site: BaseTestServer, log: PostgresLog) -> None:
    await log.append([record(BODY)])
    status, body, _ = await get(site, "/files/1.crashes/1/0")
    assert (status, body) == (200, BODY.replace(b"hunter2", b"[Filtered]"))


async def test_a_report_of_newer_rules_waits_for_a_newer_server(site: BaseTestServer, log: PostgresLog) -> None:
    newer = msgspec.structs.replace(facts(), schema=99)
    await log.append([record(BODY, newer)])
    status, body, _ = await get(site, "/files/1.crashes/1/0")
    assert (status, b"hunter2" in body) == (503, False)


async def test_what_is_no_report(site: BaseTestServer, log: PostgresLog) -> None:
    await log.append(
        [
            record(b'{"never": readable, "key": hunter2}'),
            record(b"password=hunter2"),
            NewRecord("1.crashes", 1, b"k", b"hunter2", {FACTS: b"no facts"}, 5),
            record(b"hunter2", facts(kind="refused")),
            record(None),
            record(b"hunter2", topic="1.processed"),
            record(b"hunter2", topic="1.dead-letters"),
        ]
    )
    paths = [f"1.crashes/1/{offset}" for offset in range(6)]
    paths += [
        "1.processed/1/0",
        "1.dead-letters/1/0",
        "1.crashes/0/9",
        "1.crashes/9/0",
        "2.crashes/0/0",
        "1.sessions/0/0",
    ]
    for path in paths:
        status, body, headers = await get(site, f"/files/{path}")
        assert (status, b"not_found" in body, b"hunter2" in body) == (404, True, False)
        assert headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize(
    "path",
    [
        "crashes/0/0",
        "1.crashes/x/0",
        "1.crashes/0/-1",
        "1.crashes/0/1e3",
        "1.CRASHES/0/0",
        "1.crashes/0/" + "9" * 30,
        "..%2F/0/0",
    ],
)
async def test_bad_addresses_are_refused(site: BaseTestServer, path: str) -> None:
    status, body, _ = await get(site, f"/files/{path}")
    assert (status, b"bad_address" in body) == (400, True)


@pytest.mark.parametrize("content_type", ["text/html; charset=x", "x\r\nSet-Cookie: a=b", "", "a/b/c", "ä/ö"])
async def test_content_types_are_a_clients_word(site: BaseTestServer, log: PostgresLog, content_type: str) -> None:
    await log.append([record(BODY, facts(content_type=content_type))])
    status, _, headers = await get(site, "/files/1.crashes/1/0")
    assert status == 200
    assert headers["Content-Type"] in ("text/html", "application/octet-stream")
    assert "Set-Cookie" not in headers
    assert headers["Content-Disposition"].startswith("attachment")


async def test_requests_without_a_token_are_refused(site: BaseTestServer) -> None:
    async with ClientSession() as session:
        for path in ("/files/1.crashes/0/1", "/files/1.crashes/0/99", "/files/bad/0/0"):
            async with session.get(site.make_url(path)) as response:
                assert response.status == 401


async def test_an_unavailable_store_is_answered_by_503(site: BaseTestServer, pool: "asyncpg.Pool") -> None:
    await pool.close()
    status, body, headers = await get(site, "/files/1.crashes/0/1")
    assert (status, b"unavailable" in body, headers["Retry-After"]) == (503, True, "2")


async def test_a_report_by_its_address(pool: "asyncpg.Pool", log: PostgresLog, blobs: ObjectStore) -> None:
    reports = Reports(ObjectArchive(blobs, pool, 1 << 20), log, scrub)
    await log.append([record(BODY)])
    report = await reports.get(Address("1.crashes", 1, 0))
    assert report is not None
    assert (report.offset, report.facts) == (0, facts())
