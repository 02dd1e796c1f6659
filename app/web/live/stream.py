"""Server-sent events of one project: ``window``, ``group``, ``watermark``, and ``reset`` for who fell behind."""

import asyncio
from collections import defaultdict
from typing import Any, Final

import msgspec
from aiohttp import web

from app.web import metrics
from app.web.api import present
from app.web.call import Call, identify
from app.web.errors import AWAY, ApiError
from app.web.live.hub import Change, Client, Hub
from app.web.params import WINDOWS, iso

HUB: Final = web.AppKey("hub", Hub)
HEARTBEAT_SECONDS: Final = 10.0
"""Proxies cut streams that are silent for 30 to 60 s."""
PAUSE_SECONDS: Final = 0.2
"""Changes of this time are told together."""
NAMES: Final = {size: name for name, size in WINDOWS.items()}


async def live(call: Call) -> web.StreamResponse:
    """Answer ``GET /api/v1/projects/{project}/live``."""
    project = await call.project()
    hub = call.request.app[HUB]
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    response = web.StreamResponse(headers=headers)
    client = hub.join(project.id)
    metrics.WATCHERS.inc()
    try:
        await response.prepare(call.request)
        await response.write(b"retry: 1000\n\n")
        await _pour(call, response, client)
    except ConnectionError:
        pass  # the reader went away: the usual end of a stream
    finally:
        metrics.WATCHERS.dec()
        hub.leave(client)
    return response


async def _pour(call: Call, response: web.StreamResponse, client: Client) -> None:
    told: int | None = None
    while not client.closed:
        try:
            await asyncio.wait_for(client.wake.wait(), HEARTBEAT_SECONDS)
        except TimeoutError:
            if not await _still_allowed(call):
                return
            await response.write(b": alive\n\n")
            continue
        changes, notices = client.take(), client.notices[:]
        client.notices.clear()
        text = b"".join([*_resets(client), *_windows(changes)])
        text += b"".join(_event("group", {"group": n.group, "kind": n.kind, "at": iso(n.at)}) for n in notices)
        if client.watermark is not None and client.watermark != told:
            told = client.watermark
            text += _event("watermark", {"complete_until": iso(told)})
        if text:
            await response.write(text)
        await asyncio.sleep(PAUSE_SECONDS)


async def _still_allowed(call: Call) -> bool:
    """Look at the token again: a revoked one ends its streams too. A database that is away decides nothing."""
    try:
        await identify(call.request, call.services)
    except ApiError:
        return False
    except AWAY:
        pass
    return True


def _resets(client: Client) -> list[bytes]:
    if not client.reset:
        return []
    client.reset = False
    return [_event("reset", {})]


def _windows(changes: list[Change]) -> list[bytes]:
    by_size: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for change in changes:
        shown = msgspec.to_builtins(present.point(change.point, sessions=not change.group))
        by_size[change.size].append({"group": change.group or None, "release": change.release or None, **shown})
    return [_event("window", {"window": NAMES[size], "points": points}) for size, points in sorted(by_size.items())]


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"
