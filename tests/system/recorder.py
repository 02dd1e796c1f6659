"""A proxy between an SDK and an installation that changes nothing and records every request."""

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import aiohttp
import brotli
from aiohttp import web
from multidict import CIMultiDict

HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}
"""Headers of one hop: each side of the proxy writes its own."""
UNPACK = {"gzip": gzip.decompress, "deflate": zlib.decompress, "br": brotli.decompress}
LARGEST = 32 * 1024 * 1024


class Sent(NamedTuple):
    """One request as received, and the status of its answer."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def unpacked(self) -> bytes:
        """The body without its content encoding."""
        unpack = UNPACK.get(self.headers.get("content-encoding", ""), bytes)
        return bytes(unpack(self.body))


class Recorder:
    """The proxy to the address ``target``; an async context manager."""

    def __init__(self, target: str) -> None:
        self._target = target
        self.sent: list[Sent] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        self._session = aiohttp.ClientSession(auto_decompress=False)
        application = web.Application(client_max_size=LARGEST)
        application.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(application, auto_decompress=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self._runner.cleanup()
        await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in HOP]
        async with self._session.request(
            request.method, self._target + request.raw_path, data=body or None, headers=headers,
            skip_auto_headers=["Accept", "Accept-Encoding", "Content-Type", "User-Agent"],
        ) as answer:  # fmt: skip
            content = await answer.read()
        named = {name.lower(): value for name, value in request.headers.items()}
        self.sent.append(Sent(request.method, request.path, named, body, answer.status))
        kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in HOP | {"date", "server"}]
        return web.Response(status=answer.status, body=content, headers=CIMultiDict(kept))

    def events(self) -> list[bytes]:
        """Return the payload of each event that was sent, byte by byte."""
        return [payload for sent in self.sent for payload in payloads(sent)]

    def items(self) -> list[tuple[str, bytes]]:
        """Return the type and payload of each item of each Sentry envelope."""
        envelopes = [sent.unpacked for sent in self.sent if sent.path.endswith("/envelope/")]
        return [(header["type"], payload) for envelope in envelopes for header, payload in items(envelope)]


def payloads(sent: Sent) -> Iterator[bytes]:
    """Yield the events of one request: reports of Raygun, items of type ``event`` of a Sentry envelope, or its body."""
    if sent.method != "POST":
        return
    if sent.path == "/entries" or sent.path.endswith("/store/"):
        yield sent.unpacked
    elif sent.path == "/entries/bulk":
        yield from (json.dumps(report).encode() for report in json.loads(sent.unpacked))
    elif sent.path.endswith("/envelope/"):
        yield from (payload for header, payload in items(sent.unpacked) if header["type"] == "event")


def items(envelope: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield header and payload of each item of a Sentry envelope."""
    _, _, rest = envelope.partition(b"\n")
    while rest.strip():
        line, _, rest = rest.partition(b"\n")
        header = json.loads(line)
        length = header.get("length", rest.find(b"\n") if b"\n" in rest else len(rest))
        yield header, rest[:length]
        rest = rest[length:].removeprefix(b"\n")
