"""Whether the process lives, whether it can do its work, and its metrics."""

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.web import replies
from app.web.errors import AWAY
from app.web.respond import reply
from app.web.services import Services

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
    try:
        await services.pool.fetchval("select 1", timeout=2)
    except AWAY:
        reasons.append("store_unavailable")
    return reasons


async def metrics(request: web.Request, services: Services) -> web.Response:  # noqa: ARG001  one shape for all handlers
    """Answer ``GET /metrics`` in Prometheus' text format."""
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
