"""Sends the cases of ``bad_input`` over plain connections, as their rows prescribe; imports nothing of the package."""

import asyncio
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.support.bad_input import Case

CHUNK = 16


class Reply(NamedTuple):
    """A reply: status 0 where none is read, ``code`` from its header ``X-Sentry-Error``."""

    status: int
    code: str
    headers: dict[str, str]
    body: bytes


async def send(base: str, case: Case) -> Reply:
    """Send a case (placeholders filled) to ``base`` (http://host:port) and read the whole reply."""
    address = urlsplit(base)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1 << 20)
    try:
        writer.write(_head(case) if case.how != "raw" else b"")
        await _send_body(writer, case)
        if case.how == "cut":
            return Reply(0, "", {}, b"")
        return await _read(reader)
    finally:
        writer.close()


async def _send_body(writer: asyncio.StreamWriter, case: Case) -> None:
    if case.how == "chunked":
        pieces = [case.body[at : at + CHUNK] for at in range(0, len(case.body), CHUNK)]
        writer.writelines(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        writer.write(b"0\r\n\r\n")
    elif case.how in ("slow", "cut"):
        writer.write(case.body[: len(case.body) // 2])
    else:
        writer.write(case.body)
    try:
        await writer.drain()
    except ConnectionError:
        return  # refused before all of it was sent; the reply can be read


def _head(case: Case) -> bytes:
    size = {"Transfer-Encoding": "chunked"} if case.how == "chunked" else {"Content-Length": str(len(case.body))}
    headers = {"Host": "localhost", "Connection": "close"} | dict(case.headers) | size
    lines = [f"{case.method} {case.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


async def _read(reader: asyncio.StreamReader) -> Reply:
    head = await reader.readuntil(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Reply(int(status.split()[1]), headers.get("x-sentry-error", ""), headers, body)
