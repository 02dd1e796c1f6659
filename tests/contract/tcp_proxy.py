"""A TCP proxy that can be made to fail: it forwards connections unless a test sets a fault."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

BUSY = b"HTTP/1.1 503 Slow Down\r\nConnection: close\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%b"
BUSY_BODY = b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>busy</Message></Error>'
CHUNK = 1 << 16


class TcpProxy:
    """Forwards connections; each uses up one of ``faults``, in order. A fault is one of the words of ``_serve``."""

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        self.faults: list[str] = []
        self.connections = 0
        self.cut_after = 0
        """Bytes from the client (``cut``) or the server (``torn``) after which a connection breaks."""
        self._target = host, port
        self._writers: set[asyncio.StreamWriter] = set()
        self._handling: set[asyncio.Task[None]] = set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._handling.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._serve(self.faults.pop(0) if self.faults else "", reader, writer)
        self._writers.discard(writer)
        self._handling.discard(task)
        writer.close()

    def drop(self) -> None:
        """Break all open connections."""
        for writer in self._writers:
            writer.transport.abort()

    async def end(self) -> None:
        """Break all connections and wait for their end."""
        self.drop()
        await asyncio.gather(*self._handling)

    async def _serve(self, fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if fault == "refuse":
            return
        if fault == "hang":
            await reader.read()
            return
        if fault == "busy":
            await reader.readuntil(b"\r\n\r\n")
            writer.write(BUSY % (len(BUSY_BODY), BUSY_BODY))
            await writer.drain()
            return
        onward_reader, onward_writer = await asyncio.open_connection(*self._target)
        self._writers.add(onward_writer)
        async with asyncio.TaskGroup() as group:
            group.create_task(_forward(reader, onward_writer, self.cut_after if fault == "cut" else -1, writer))
            seconds = 0.02 if fault == "slow" else 0.0
            limit = self.cut_after if fault == "torn" else -1
            group.create_task(_forward(onward_reader, writer, limit, onward_writer, seconds))
        self._writers.discard(onward_writer)


async def _forward(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, limit: int, back: asyncio.StreamWriter, seconds: float = 0
) -> None:
    """Copy until the end, or break both ends after ``limit`` bytes (-1: no limit)."""
    with suppress(ConnectionError):
        while data := await source.read(CHUNK if limit < 0 else min(CHUNK, limit)):
            await asyncio.sleep(seconds)
            sink.write(data)
            await sink.drain()
            if limit >= 0:
                limit -= len(data)
                if limit <= 0:
                    back.transport.abort()
                    break
    sink.close()


@asynccontextmanager
async def tcp_proxy_to(host: str, port: int) -> AsyncIterator[TcpProxy]:
    """Run a proxy on a free port."""
    proxy = TcpProxy(host, port)
    server = await asyncio.start_server(proxy.handle, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
