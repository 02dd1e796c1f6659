"""Server-sent events of one project: ``window``, ``group``, ``watermark``, and ``reset`` after a gap."""

import asyncio
from collections import defaultdict
from typing import Any, Final

import msgspec
from aiohttp import web

from app.web import metrics
from app.web.api import present
from app.web.call import Call, identify
from app.web.errors import AWAY, ApiError
from app.web.formatting import iso
from app.web.live.hub import Hub, Subscriber, WindowUpdate
from app.web.params import WINDOWS

HUB: Final = web.AppKey("hub", Hub)
HEARTBEAT_SECONDS: Final = 10.0
"""Proxies cut streams that are silent for 30 to 60 s."""
PAUSE_SECONDS: Final = 0.2
"""Updates within this time are sent together."""
WINDOW_NAMES: Final = {size: name for name, size in WINDOWS.items()}


async def live(call: Call) -> web.StreamResponse:
    """Answer ``GET /api/v1/projects/{project}/live``."""
    project = await call.project()
    hub = call.request.app[HUB]
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    response = web.StreamResponse(headers=headers)
    subscriber = hub.join(project.id)
    metrics.WATCHERS.inc()
    try:
        await hub.positioned()
        await response.prepare(call.request)
        await response.write(b"retry: 1000\n\n")
        await _send_updates(call, response, subscriber)
    except ConnectionError:
        pass  # the reader disconnected: the usual end of a stream
    finally:
        metrics.WATCHERS.dec()
        hub.leave(subscriber)
    return response


async def _send_updates(call: Call, response: web.StreamResponse, subscriber: Subscriber) -> None:
    watermark: int | None = None
    while not subscriber.closed:
        try:
            await asyncio.wait_for(subscriber.wake.wait(), HEARTBEAT_SECONDS)
        except TimeoutError:
            if not await _still_authorised(call):
                return
            await response.write(b": alive\n\n")
            continue
        updates, notices = subscriber.drain(), subscriber.notices[:]
        subscriber.notices.clear()
        text = b"".join([*_resets(subscriber), *_windows(updates)])
        text += b"".join(_event("group", {"group": n.group, "kind": n.kind, "at": iso(n.at)}) for n in notices)
        if subscriber.watermark is not None and subscriber.watermark != watermark:
            watermark = subscriber.watermark
            text += _event("watermark", {"complete_until": iso(watermark)})
        if text:
            await response.write(text)
        await asyncio.sleep(PAUSE_SECONDS)


async def _still_authorised(call: Call) -> bool:
    """Check the token again, so that revoking it ends its streams. While the database is away a stream goes on."""
    try:
        await identify(call.request, call.services)
    except ApiError:
        return False
    except AWAY:
        pass
    return True


def _resets(subscriber: Subscriber) -> list[bytes]:
    if not subscriber.reset:
        return []
    subscriber.reset = False
    return [_event("reset", {})]


def _windows(updates: list[WindowUpdate]) -> list[bytes]:
    by_size: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for update in updates:
        point = msgspec.to_builtins(present.point(update.point, sessions=not update.group))
        by_size[update.size].append({"group": update.group or None, "release": update.release or None, **point})
    return [
        _event("window", {"window": WINDOW_NAMES[size], "points": points}) for size, points in sorted(by_size.items())
    ]


def _event(name: str, data: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"
