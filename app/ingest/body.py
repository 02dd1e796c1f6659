"""Reads a request's body: counted packed and unpacked, in time, within what all requests may hold at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, Self

from aiohttp import ClientConnectionError, ClientError, StreamReader, web

from app.ingest.codes import Refusal
from app.ingest.deadlines import Deadlines
from app.ingest.unpack import Unpacker, unpacker

MIB: Final = 1 << 20
YIELD_EVERY: Final = 1 << 20
"""Unpacked bytes after which other requests get their turn (about 3 ms of work)."""

LONGEST_LINE: Final = 64 << 10
"""A first line is looked at by then, whole or not: an envelope's header takes less than 1 KiB."""

FirstLine = Callable[[bytes], Awaitable[object]]

BROKEN: Final = (web.RequestPayloadError, ClientError, ClientConnectionError, ConnectionError)


class Limits(NamedTuple):
    """Bytes that a body may have, as it comes and unpacked."""

    packed: int
    unpacked: int


class Budget:
    """Bytes of bodies that all requests hold at this moment."""

    def __init__(self, limit: int) -> None:
        """Allow ``limit`` bytes."""
        self.limit = limit
        self.held = 0

    def lease(self) -> "Lease":
        """Give one request's share, to be used as a context: leaving it gives all back."""
        return Lease(self)


class Lease:
    """What one request holds of the budget."""

    __slots__ = ("_budget", "_held")

    def __init__(self, budget: Budget) -> None:
        """Hold nothing yet."""
        self._budget = budget
        self._held = 0

    def __enter__(self) -> Self:
        """Start holding."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give all back."""
        self._budget.held -= self._held
        self._held = 0

    def take(self, count: int) -> None:
        """Hold ``count`` bytes more. Raises Refusal("overloaded") where all requests together have no room."""
        if self._budget.held + count > self._budget.limit:
            raise Refusal("overloaded")
        self._budget.held += count
        self._held += count


async def read_body(
    request: web.Request, limits: Limits, lease: Lease, within: Deadlines, first_line: FirstLine | None = None
) -> bytes:
    """Read and unpack the body. Raises Refusal; an empty body is b"".

    ``within`` bounds the whole body in seconds, since a client that sends a byte now and then is slow too.
    ``first_line`` is called with the first line as soon as it is there: nobody unknown fills the memory.
    """
    if (request.content_length or 0) > limits.packed:
        raise Refusal("body_too_large")
    decoder = unpacker(request.headers.get("Content-Encoding", ""))
    collector = _Collector(decoder, limits, lease, first_line)
    content = request.content
    try:
        if content.is_eof():  # most bodies are here already, with their headers
            data = content.read_nowait()
            if decoder is None and first_line is None:
                return collector.whole(data)
            await collector.add(data)
        else:
            await within.bound(_collect(content, collector))
    except TimeoutError as error:
        raise Refusal("slow_client") from error
    except BROKEN as error:
        raise Refusal("incomplete_body") from error
    return await collector.finish()


async def discard_body(request: web.Request, limit: int, within: Deadlines) -> int:
    """Read a body without keeping it and give its bytes as they came. Raises Refusal."""
    try:
        return await within.bound(_count(request.content, limit))
    except TimeoutError as error:
        raise Refusal("slow_client") from error
    except BROKEN as error:
        raise Refusal("incomplete_body") from error


async def _collect(content: StreamReader, collector: "_Collector") -> None:
    while chunk := await content.readany():
        await collector.add(chunk)


async def _count(content: StreamReader, limit: int) -> int:
    total = 0
    while chunk := await content.readany():
        total += len(chunk)
        if total > limit:
            raise Refusal("body_too_large")
    return total


class _Collector:
    """Chunks as they come in, unpacked pieces as they are kept."""

    def __init__(self, decoder: Unpacker | None, limits: Limits, lease: Lease, first_line: FirstLine | None) -> None:
        self._decoder = decoder
        self._limits = limits
        self._lease = lease
        self._first_line = first_line
        self._packed = 0
        self._unpacked = 0
        self._since_yield = 0
        self._pieces: list[bytes] = []

    def whole(self, data: bytes) -> bytes:
        if len(data) > min(self._limits):
            raise Refusal("body_too_large")
        self._lease.take(len(data))
        return data

    async def add(self, chunk: bytes) -> None:
        self._packed += len(chunk)
        if self._packed > self._limits.packed:
            raise Refusal("body_too_large")
        if self._decoder is None:
            await self._keep(chunk)
            return
        for piece in self._decoder.feed(chunk):
            await self._keep(piece)
            self._since_yield += len(piece)
            if self._since_yield > YIELD_EVERY:
                self._since_yield = 0
                await asyncio.sleep(0)

    async def _keep(self, piece: bytes) -> None:
        self._unpacked += len(piece)
        if self._unpacked > self._limits.unpacked:
            raise Refusal("body_too_large")
        self._lease.take(len(piece))
        self._pieces.append(piece)
        if self._first_line is not None and (b"\n" in piece or self._unpacked > LONGEST_LINE):
            await self._look()

    async def _look(self) -> None:
        """Show the first line, once."""
        look, self._first_line = self._first_line, None
        if look is not None and self._unpacked:
            await look(b"".join(self._pieces).partition(b"\n")[0])

    async def finish(self) -> bytes:
        if self._decoder is not None and self._packed:
            self._decoder.finish()
        await self._look()
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
