"""Answers the busiest paths without aiohttp's router, middlewares and response objects.

Connections stay aiohttp's: parser, limits, keep-alive, pipelining, slow and lost clients, the drain at shutdown. What
is not plainly a request of these paths goes to the application, which answers all paths.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import SERVER_SOFTWARE, HttpVersion11, RawRequestMessage
from aiohttp.streams import StreamReader

from app.ingest.replies import Reply
from app.ingest.request import NO_PARTS, DirectRequest, Request

View = Callable[[Request], Awaitable[Reply]]

PATH: Final = re.compile(r"/(?:entries|api/([0-9]+)/(envelope|store))/?(?:\?[^#]*)?")
"""A request's target as it was sent; one that is spelled otherwise goes through the router."""

HEADS: Final = 256
"""Kinds of replies whose first lines are kept: more than there are."""

_SERVER: Final = SERVER_SOFTWARE.encode()
_END: Final = {True: b"\r\n\r\n", False: b"\r\nConnection: close\r\n\r\n"}


class Routed(DirectRequest):
    """A request of one of the paths, with the function that answers it."""

    ATTRS = DirectRequest.ATTRS | {"view"}
    view: View


class Written(web.StreamResponse):
    """A reply that is bytes: the part of a response that aiohttp's connection calls.

    The rest of ``StreamResponse`` is never used, so that its fields are not made.
    """

    def __init__(self, reply: Reply, request: web.BaseRequest) -> None:
        keep_alive = request.keep_alive and not reply.closes
        self._kept = keep_alive
        self._writer = request.writer
        self._bytes = as_bytes(reply, keep_alive=keep_alive)

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection is kept."""
        return self._kept

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:  # noqa: ARG002  aiohttp's signature
        """Return the connection's writer."""
        return self._writer

    async def write_eof(self, data: bytes = b"") -> None:  # noqa: ARG002  aiohttp's signature
        """Write the reply. Raises ConnectionError where the client has gone."""
        await self._writer.write(self._bytes)
        await self._writer.drain()


def answer_directly(server: web.Server, *, envelope: View, store: View, entry: View) -> None:
    """Let a server that has no connections yet answer three paths by views, all else as before."""
    views: dict[str | None, View] = {None: entry, "envelope": envelope, "store": store}
    plain, make_plain = server.request_handler, server.request_factory
    loop = asyncio.get_running_loop()

    def make(
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> web.BaseRequest:
        path = PATH.fullmatch(message.path)
        if path is None or not _is_simple(message):
            return make_plain(message, payload, protocol, writer, task)
        request = Routed(message, payload, protocol, writer, task, loop)
        request.view = views[path[2]]
        request.match_info = {"project": path[1]} if path[1] else NO_PARTS
        return request

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if isinstance(request, Routed):
            return Written(await request.view(request), request)
        return await plain(request)

    server.request_factory, server.request_handler = make, handle


def _is_simple(message: RawRequestMessage) -> bool:
    """Return whether nothing but the body follows a request's head, as HTTP/1.1 has it."""
    return (
        message.method == "POST"
        and message.version == HttpVersion11
        and not message.upgrade
        and "Expect" not in message.headers
    )


def as_bytes(reply: Reply, *, keep_alive: bool) -> bytes:
    """Return what aiohttp would write for a reply to an HTTP/1.1 request, header by header."""
    head = _head(reply.status, tuple(reply.headers.items()))
    length, date = len(reply.body), _date(int(time.time()))
    return b"%b%d\r\nDate: %b\r\nServer: %b%b%b" % (head, length, date, _SERVER, _END[keep_alive], reply.body)


@lru_cache(HEADS)
def _head(status: int, headers: tuple[tuple[str, str], ...]) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "Content-Length: "]).encode()


@lru_cache(1)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()
