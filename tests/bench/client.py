"""Sends crash reports as SDKs do, over kept-alive connections. Arguments: ``port project key count connections seed``.

Half of the requests are gzipped with the key in a header, as sentry-python sends them; half are plain with the key in
the query, as @sentry/node sends them. Exits 1 if any answer is not 200, else writes what sending took to stdout, as
JSON.
"""

import asyncio
import gzip
import json
import sys
import time
from collections.abc import Iterator

from tests.bench import events


def requests(project: str, key: str, count: int, seed: int) -> Iterator[bytes]:
    """Yield ``count`` HTTP requests, ready to be written."""
    path = f"/api/{project}/envelope/"
    for number, (event_id, _, payload) in enumerate(events.bodies(count, seed)):
        head = {"event_id": event_id, "sent_at": "2026-11-24T09:00:00.000000Z"}
        item = {"type": "event", "length": len(payload), "content_type": "application/json"}
        body = json.dumps(head).encode() + b"\n" + json.dumps(item).encode() + b"\n" + payload + b"\n"
        if number % 2:
            agent = "sentry_version=7&sentry_client=sentry.javascript.node%2F11.12.0"
            yield _request(f"{path}?{agent}&sentry_key={key}", body, [])
        else:
            auth = f"Sentry sentry_key={key}, sentry_version=7, sentry_client=sentry.python/2.75.0"
            packed = [f"X-Sentry-Auth: {auth}", "Content-Encoding: gzip", "User-Agent: sentry.python/2.75.0"]
            yield _request(path, gzip.compress(body), [*packed, "Content-Type: application/x-sentry-envelope"])


def _request(path: str, body: bytes, headers: list[str]) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def send(port: int, waiting: Iterator[bytes]) -> None:
    """Send requests one after the other over one connection. Raises RuntimeError for an answer that is not 200."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in waiting:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        body = await reader.readexactly(int(length))
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(head + body)
    writer.close()


async def main(port: int, project: str, key: str, count: int, connections: int, seed: int) -> None:
    """Build all requests, then send them; write when sending began and ended (s since the epoch) and its CPU (s)."""
    waiting = iter(list(requests(project, key, count, seed)))
    began, used = time.time(), time.process_time()
    await asyncio.gather(*(send(port, waiting) for _ in range(connections)))
    sys.stdout.write(json.dumps({"began": began, "ended": time.time(), "cpu": time.process_time() - used}) + "\n")


if __name__ == "__main__":
    _, _port, _project, _key, *_numbers = sys.argv
    asyncio.run(main(int(_port), _project, _key, *map(int, _numbers)))
