"""Reads a request's body: counted packed and unpacked, in time, within the memory that all requests share."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Self

from aiohttp import ClientConnectionError, ClientError, StreamReader, web

from app.ingest.codes import Refusal
from app.ingest.deadlines import Deadlines
from app.ingest.limits import MAX_FIRST_LINE, YIELD_EVERY, BodyLimits
from app.ingest.request import Request
from app.ingest.unpack import Unpacker, unpacker

FirstLine = Callable[[bytes], Awaitable[object]]

BROKEN: Final = (web.RequestPayloadError, ClientError, ClientConnectionError, ConnectionError)
"""The exceptions that aiohttp raises for a body that ends early or is framed wrongly."""


class Budget:
    """The bytes of bodies that all requests may hold in memory together: at most ``limit``."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    def lease(self) -> "Lease":
        """Return an empty lease for one request, a context manager: leaving it frees all that was leased."""
        return Lease(self)


class Lease:
    """The bytes of the budget that one request holds."""

    __slots__ = ("_budget", "_held")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held = 0

    def __enter__(self) -> Self:
        """Return the lease itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Free all bytes."""
        self._budget.held -= self._held
        self._held = 0

    def take(self, count: int) -> None:
        """Lease ``count`` bytes more. Raises Refusal("overloaded") where all requests together would exceed the limit.

        A refused request is not queued: SDKs do not wait, and a queue of bodies is memory too.
        """
        if self._budget.held + count > self._budget.limit:
            raise Refusal("overloaded")
        self._budget.held += count
        self._held += count


async def read_body(
    request: Request, limits: BodyLimits, lease: Lease, within: Deadlines, first_line: FirstLine | None = None
) -> bytes:
    """Read and unpack the body; an empty body is b"".

    Args:
        request: The request, from a server that does not unpack bodies itself.
        limits: Bytes that the body may have.
        lease: Where its unpacked bytes are counted.
        within: Bounds the whole body, not one read: a client that sends a byte now and then is slow too.
        first_line: Awaited with the first line as soon as it was received; it raises Refusal for a request without
            a valid key, so that such a request never fills the memory.

    Raises:
        Refusal: For a body that is too large, slow, incomplete or wrongly encoded.
    """
    content = request.content
    arrived = content.is_eof()  # most bodies arrive with their headers
    if not arrived and (request.content_length or 0) > limits.packed:
        raise Refusal("body_too_large")
    decoder = unpacker(request.headers.get("Content-Encoding", ""))
    collector = _Collector(decoder, limits, lease, first_line)
    try:
        if arrived and decoder is None and first_line is None:
            return _whole(content.read_nowait(), limits, lease)
        if arrived:
            await collector.add(content.read_nowait())
        else:
            await within.bound(_collect(content, collector))
    except TimeoutError as error:
        raise Refusal("slow_client") from error
    except BROKEN as error:
        raise Refusal("incomplete_body") from error
    return await collector.finish()


async def discard_body(request: Request, limit: int, within: Deadlines) -> int:
    """Read a body without keeping it and return its size in bytes as received. Raises Refusal."""
    try:
        return await within.bound(_count(request.content, limit))
    except TimeoutError as error:
        raise Refusal("slow_client") from error
    except BROKEN as error:
        raise Refusal("incomplete_body") from error


def _whole(data: bytes, limits: BodyLimits, lease: Lease) -> bytes:
    if len(data) > min(limits):
        raise Refusal("body_too_large")
    lease.take(len(data))
    return data


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
    """Collects one body from its chunks: counts them, unpacks them, keeps the unpacked pieces."""

    def __init__(
        self, decoder: Unpacker | None, limits: BodyLimits, lease: Lease, first_line: FirstLine | None
    ) -> None:
        self._decoder = decoder
        self._limits = limits
        self._lease = lease
        self._first_line = first_line
        self._packed = 0
        self._unpacked = 0
        self._since_yield = 0
        self._pieces: list[bytes] = []

    async def add(self, chunk: bytes) -> None:
        self._packed += len(chunk)
        if self._packed > self._limits.packed:
            raise Refusal("body_too_large")
        for piece in (chunk,) if self._decoder is None else self._decoder.feed(chunk):
            self._keep(piece)
            if self._first_line is not None and (b"\n" in piece or self._unpacked > MAX_FIRST_LINE):
                await self._check_first_line()
            self._since_yield += len(piece)
            if self._since_yield > YIELD_EVERY:
                self._since_yield = 0
                await asyncio.sleep(0)

    def _keep(self, piece: bytes) -> None:
        self._unpacked += len(piece)
        if self._unpacked > self._limits.unpacked:
            raise Refusal("body_too_large")
        self._lease.take(len(piece))
        self._pieces.append(piece)

    async def _check_first_line(self) -> None:
        """Await the callback with the first line, once."""
        check, self._first_line = self._first_line, None
        if check is not None and self._unpacked:
            await check(b"".join(self._pieces).partition(b"\n")[0])

    async def finish(self) -> bytes:
        if self._decoder is not None and self._packed:
            self._decoder.finish()
        if self._first_line is not None:
            await self._check_first_line()
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
