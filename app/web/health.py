"""Whether the process lives, whether it can do its work, and its metrics."""

import asyncio
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.web import replies
from app.web.errors import AWAY
from app.web.respond import reply
from app.web.services import Services

LOOK_SECONDS: Final = 2.0
"""What the database may take to answer: whoever asks for readiness gives up after some seconds too."""

TEXTS = {
    "log_full": "The disk is nearly full: free some, or lower what is kept.",
    "log_unavailable": "The log does not answer.",
    "log_sealed": "The log is being moved.",
    "append_timeout": "The log takes too long.",
    "store_unavailable": "The database does not answer.",
}


async def healthz(request: web.Request, services: Services) -> web.Response:  # noqa: ARG001  one shape for all handlers
    """Answer ``GET /healthz``: the process runs."""
    return reply({"alive": True})


async def readyz(request: web.Request, services: Services) -> web.Response:  # noqa: ARG001  one shape for all handlers
    """Answer ``GET /readyz``: 503 with the reasons where it can't do its work."""
    reasons = await unready(services)
    listed = [{"code": code, "message": TEXTS.get(code, code)} for code in reasons]
    return reply(replies.HealthReply(ready=not reasons, reasons=listed), status=503 if reasons else 200)


async def unready(services: Services) -> list[str]:
    """Give the codes of what keeps this process from its work, [] for nothing."""
    reasons = list(services.readiness())
    if not await _answers(services):
        reasons.append("store_unavailable")
    return reasons


async def _answers(services: Services) -> bool:
    """Tell whether PostgreSQL answers in time.

    A server that is frozen holds up even the end of a query that is given up: the look goes on by itself, and the
    next request waits for the same one.
    """
    look = services.look
    if look is None or look.done():
        services.look = look = asyncio.ensure_future(services.pool.fetchval("select 1", timeout=LOOK_SECONDS))
        look.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, also where nobody waits
    done, _ = await asyncio.wait({look}, timeout=LOOK_SECONDS)
    error = look.exception() if done else TimeoutError()
    if error is not None and not isinstance(error, AWAY):
        raise error
    return error is None


async def metrics(request: web.Request, services: Services) -> web.Response:  # noqa: ARG001  one shape for all handlers
    """Answer ``GET /metrics`` in Prometheus' text format."""
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
