"""A proxy to PostgreSQL that can refuse connections, as when the server or the network is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit


class Gate:
    """Forwards connections to the server of a URL while it is open; ``url`` is the proxy's own."""

    def __init__(self, database: str) -> None:
        self.is_open = True
        self.url = ""
        self._parts = urlsplit(database)
        self._writers: set[asyncio.StreamWriter] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, database: str) -> AsyncIterator[Self]:
        """Yield a gate that listens as long as the block runs."""
        gate = cls(database)
        server = await asyncio.start_server(gate._pass, "127.0.0.1", 0)
        user = gate._parts.netloc.rpartition("@")[0]
        port = server.sockets[0].getsockname()[1]
        gate.url = urlunsplit(gate._parts._replace(netloc=f"{user}@127.0.0.1:{port}", query=""))
        try:
            yield gate
        finally:
            gate.shut()
            server.close()

    def shut(self) -> None:
        """Close every connection and refuse new ones."""
        self.is_open = False
        for writer in self._writers:
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_open:
            writer.close()
            return
        far_reader, far_writer = await self._connect()
        self._writers |= {writer, far_writer}
        await asyncio.gather(_pour(reader, far_writer), _pour(far_reader, writer))
        self._writers -= {writer, far_writer}

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder = parse_qs(self._parts.query).get("host")
        if folder:
            return await asyncio.open_unix_connection(f"{unquote(folder[0])}/.s.PGSQL.{self._parts.port or 5432}")
        return await asyncio.open_connection(self._parts.hostname, self._parts.port or 5432)


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
