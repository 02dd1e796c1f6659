"""The paths that are answered without the application's router: the same answers as through it, byte for byte."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from app.ingest import metrics
from app.ingest.direct import PATH, as_bytes
from app.ingest.replies import Reply, accepted
from app.log.contract import Log, NewRecord
from app.settings import Settings
from tests.integration.ingest_site import PARTITIONS, Site, running_ingest, serving
from tests.support.bad_input import CASES, MIB, Case, fill
from tests.support.bad_input_send import _head, _send_body

REPORT = b'{"occurredOn":"2026-11-24T06:55:10.070Z","details":{"error":{"message":"boom"}}}'
EVENT = b'{"event_id":"11111111111111111111111111111111"}'
ENVELOPE = b'{}\n{"type":"event"}\n' + EVENT + b"\n"
VARIABLE = re.compile(rb"\r\nDate: [^\r]+ GMT\r\n|[0-9a-f]{32}|[0-9a-f-]{36}")


class Both(NamedTuple):
    """One ingest, answering directly and by its application alone."""

    site: Site
    plain: str

    @property
    def direct(self) -> str:
        return self.site.url

    def paths(self) -> list[tuple[str, bytes]]:
        """Return (path, body) of the paths that are answered directly, with and without their slash."""
        project, key = self.site.project, self.site.project.sentry_key
        sentry = [(f"/api/{project.id}/{name}", body) for name, body in (("envelope", ENVELOPE), ("store", EVENT))]
        pairs = [(f"{path}{slash}?sentry_key={key}", body) for path, body in sentry for slash in ("", "/")]
        return [*pairs, *((f"/entries{slash}?apikey={project.raygun_key}", REPORT) for slash in ("", "/"))]


@pytest.fixture
async def both(database: str) -> AsyncIterator[Both]:
    async with running_ingest(database, read_timeout=0.5) as site:
        settings = Settings(partitions=PARTITIONS, read_timeout=0.5)
        async with serving(site.log, site.projects, settings, direct=False) as plain:
            yield Both(site, plain)


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = urlsplit(url)
    return await asyncio.open_connection(address.hostname, address.port, limit=MIB)


async def whole(url: str, *pieces: bytes) -> bytes:
    """Send pieces one after the other; return all that is answered until the connection ends."""
    reader, writer = await connect(url)
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0.02)
    answer = await reader.read()
    writer.close()
    return answer


async def one(reader: asyncio.StreamReader) -> bytes:
    """Return the next answer of a connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    return head + await reader.readexactly(int(length[1]) if length else 0)


def head(path: str, body: bytes, *headers: str, method: str = "POST", version: str = "1.1") -> bytes:
    """Return the head of a request, without its last empty line where ``headers`` ends with one."""
    lines = [f"{method} {path} HTTP/{version}", "Host: h", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode()


def same(answer: bytes) -> bytes:
    """Return an answer without its time and the ids that ingest made up."""
    return VARIABLE.sub(b"*", answer)


async def test_every_bad_input_is_answered_in_the_same_bytes(both: Both) -> None:
    async def answer(url: str, case: Case) -> bytes:
        reader, writer = await connect(url)
        writer.write(_head(case) if case.how != "raw" else b"")
        await _send_body(writer, case)
        got = await one(reader)
        writer.close()
        return same(got)

    cases = [fill(case, both.site.names) for case in CASES if len(case.body) < MIB and case.how != "cut"]
    for case in cases:
        assert await answer(both.direct, case) == await answer(both.plain, case), case.name
    assert sum(PATH.fullmatch(case.path) is not None for case in cases) > 100


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
async def test_other_methods(both: Both, method: str) -> None:
    for path, _ in both.paths():
        request = head(path, b"", "Connection: close", "Origin: http://a", method=method)
        answer = await whole(both.direct, request)
        assert same(answer) == same(await whole(both.plain, request)), path
        assert answer.startswith(b"HTTP/1.1 200 " if method == "OPTIONS" else b"HTTP/1.1 4"), path


@pytest.mark.parametrize(
    "headers",
    [
        ("Connection: close",),
        ("Connection: close", "Origin: http://a"),
        ("Connection: close", "Upgrade: websocket"),
        ("Connection: close", "Content-Type: text/plain;charset=UTF-8", "X-Forwarded-For: 203.0.113.9"),
    ],
)
async def test_headers(both: Both, headers: Sequence[str]) -> None:
    for path, body in both.paths():
        request = head(path, body, *headers) + body
        answer = await whole(both.direct, request)
        assert same(answer) == same(await whole(both.plain, request)), path
        assert answer.startswith(b"HTTP/1.1 20"), path


async def test_odd_targets_and_old_versions(both: Both) -> None:
    path, body = both.paths()[0]
    for odd in (f"http://h{path}", f"/{path}", f"{path}#f", path.replace("envelope", "%65nvelope"), path.upper()):
        request = head(odd, body, "Connection: close") + body
        assert same(await whole(both.direct, request)) == same(await whole(both.plain, request)), odd
    for headers in ((), ("Connection: close",)):
        request = head(path, body, *headers, version="1.0") + body
        answer = await whole(both.direct, request)
        assert same(answer) == same(await whole(both.plain, request))
        assert answer.startswith(b"HTTP/1.0 200 ")


async def test_the_router_is_not_asked(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_router: object, _request: object) -> None:
        raise AssertionError

    monkeypatch.setattr(web.UrlDispatcher, "resolve", refuse)
    for path, body in both.paths():
        assert (await whole(both.direct, head(path, body, "Connection: close") + body)).startswith(b"HTTP/1.1 20")
        assert (await whole(both.plain, head(path, body, "Connection: close") + body)).startswith(b"HTTP/1.1 500 ")


async def test_a_connection_is_kept_and_answers_come_in_order(both: Both) -> None:
    paths = [*both.paths(), (f"/events?apikey={both.site.project.raygun_key}", b'{"eventData":[]}')]
    for url in (both.direct, both.plain):
        reader, writer = await connect(url)
        for path, body in paths:
            writer.write(head(path, body) + body)
            answer = await one(reader)
            assert answer.startswith(b"HTTP/1.1 202 " if path.startswith("/e") else b"HTTP/1.1 200 ")
            assert b"Connection:" not in answer
        pipelined = [*paths, ("/entries", b"x")]
        writer.write(b"".join(head(path, body) + body for path, body in pipelined))
        statuses = [(await one(reader))[9:12] for _ in pipelined]
        assert statuses == [*[b"200"] * 4, *[b"202"] * 3, b"401"]
        writer.close()


async def test_a_refusal_before_the_end_of_the_body_closes_the_connection(both: Both) -> None:
    path, _ = both.paths()[-1]
    body = b"x" * 2 * MIB
    request = head(path, body) + body
    answer = await whole(both.direct, request)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nConnection: close\r\n" in answer
    assert same(answer) == same(await whole(both.plain, request))


async def test_a_body_in_pieces_and_in_chunks(both: Both) -> None:
    for path, body in both.paths():
        lines = [f"POST {path} HTTP/1.1", "Host: h", "Transfer-Encoding: chunked", "Connection: close", "", ""]
        chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (body[:5], body[5:], b"")]
        chunked = ["\r\n".join(lines).encode(), *chunks]
        for pieces in ([head(path, body, "Connection: close"), body[:7], body[7:]], chunked):
            answer = await whole(both.direct, *pieces)
            assert answer.startswith(b"HTTP/1.1 20"), path
            assert same(answer) == same(await whole(both.plain, *pieces)), path


async def test_a_client_that_waits_for_100_continue(both: Both) -> None:
    for url in (both.direct, both.plain):
        for path, body in both.paths():
            reader, writer = await connect(url)
            writer.write(head(path, body, "Expect: 100-continue"))
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(body)
            assert (await one(reader)).startswith(b"HTTP/1.1 20"), path
            writer.close()


async def test_a_client_that_leaves_within_its_body(both: Both) -> None:
    for path, body in both.paths():
        _, writer = await connect(both.direct)
        writer.write(head(path, body * 10_000) + body * 1000)
        await asyncio.sleep(0.1)
        writer.close()
    await asyncio.sleep(0.1)
    assert [sample.value for metric in metrics.HELD.collect() for sample in metric.samples] == [0]
    assert await both.site.records() == {}
    path, body = both.paths()[0]
    assert (await whole(both.direct, head(path, body, "Connection: close") + body)).startswith(b"HTTP/1.1 200 ")


class Held:
    """A log whose appends wait until they are released."""

    def __init__(self) -> None:
        self.called = asyncio.Event()
        self.released = asyncio.Event()

    def full(self) -> bool:
        return False

    async def append(self, records: Sequence[NewRecord]) -> list[int]:
        self.called.set()
        await self.released.wait()
        return [0] * len(records)


@pytest.mark.parametrize("direct", [True, False])
async def test_a_request_is_answered_during_the_shutdown(both: Both, direct: bool) -> None:
    path, body = both.paths()[0]
    log = Held()
    async with serving(cast("Log", log), both.site.projects, Settings(), direct=direct, shutdown_seconds=5) as url:
        reader, writer = await connect(url)
        idle, idle_writer = await connect(url)
        writer.write(head(path, body) + body)
        await log.called.wait()
        asyncio.get_running_loop().call_later(0.2, log.released.set)
    assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
    assert await idle.read() == b""
    idle_writer.close()
    writer.close()


async def test_a_client_that_leaves_before_the_answer_harms_no_other(both: Both) -> None:
    path, body = both.paths()[0]
    log = Held()
    async with serving(cast("Log", log), both.site.projects, Settings()) as url:
        _, gone = await connect(url)
        gone.write(head(path, body) + body)
        await log.called.wait()
        gone.transport.abort()
        await asyncio.sleep(0.05)
        log.released.set()
        assert (await whole(url, head(path, body, "Connection: close") + body)).startswith(b"HTTP/1.1 200 ")


def test_a_reply_in_bytes() -> None:
    kept = as_bytes(accepted(b"{}"), keep_alive=True)
    assert kept.startswith(b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\n")
    assert kept.endswith(b"\r\n\r\n{}")
    closed = as_bytes(Reply(405, {"Allow": "POST"}), keep_alive=False)
    assert closed.startswith(b"HTTP/1.1 405 Method Not Allowed\r\nAllow: POST\r\nContent-Length: 0\r\nDate: ")
    assert closed.endswith(b"\r\nConnection: close\r\n\r\n")
