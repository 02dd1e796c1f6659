"""Whether the process lives, whether it can do its work, and its metrics."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.log.open import on_kafka
from app.web import probe
from app.web.api import replies
from app.web.probe import Look
from app.web.respond import reply
from app.web.services import Services

FRESH_SECONDS: Final = 5.0
"""An answer of the files or of Elasticsearch holds for so long: a question costs a request to another server."""
NOBODY: Final = "0" * 32
"""An id that no event has."""

TEXTS = {
    "log_full": "The disk is nearly full: free some, or lower what is kept.",
    "log_unavailable": "The log does not answer.",
    "log_sealed": "The log is being moved.",
    "append_timeout": "The log takes too long.",
    "store_unavailable": "The database does not answer.",
    "files_unavailable": "The store of raw reports does not answer: they are kept in the log meanwhile.",
    "search_unavailable": "Search does not answer: it catches up when it is back.",
}


class Reason(NamedTuple):
    """Something that does not work: a stable code, and whether the process is of no use meanwhile."""

    code: str
    grave: bool

    @property
    def text(self) -> str:
        """What it is, for people."""
        return TEXTS.get(self.code, self.code)


async def healthz(request: web.Request, services: Services) -> web.Response:  # noqa: ARG001  one shape for all handlers
    """Answer ``GET /healthz``: the process runs."""
    return reply({"alive": True})


async def readyz(request: web.Request, services: Services) -> web.Response:  # noqa: ARG001  one shape for all handlers
    """Answer ``GET /readyz``: 503 where it can't do its work, and what does not work."""
    reasons = await unready(services)
    ready = not any(reason.grave for reason in reasons)
    listed = [{"code": reason.code, "message": reason.text} for reason in reasons]
    return reply(replies.HealthReply(ready=ready, reasons=listed), status=200 if ready else 503)


async def unready(services: Services) -> list[Reason]:
    """Give what does not work, [] for nothing.

    A process that takes events is of use as long as it can do that: one that a proxy stops sending to while the files
    are away would lose what it could have kept.
    """
    taking = "ingest" in services.parts
    names = [name for name in ("store", "files", "search") if _uses(services, name)]
    answers = await asyncio.gather(*(_look(services, name).answers() for name in names))
    away = [name for name, well in zip(names, answers, strict=True) if not well]
    grave = {
        "store": not taking or not on_kafka(services.settings),
        "files": not taking and "files" in services.parts,
        "search": False,
    }
    own = [Reason(code, True) for code in services.readiness()]
    return [*own, *(Reason(f"{name}_unavailable", grave[name]) for name in away)]


def _uses(services: Services, name: str) -> bool:
    if name == "search":
        return "web" in services.parts and not services.settings.search.startswith("database:")
    return name == "store" or bool(services.parts & {"web", "files"})


def _look(services: Services, name: str) -> Look:
    asks: dict[str, Callable[[], Awaitable[object]]] = {
        "store": lambda: services.pool.fetchval("select 1", timeout=probe.SECONDS),
        "files": services.blobs.ping,
        "search": lambda: services.search.event(NOBODY),
    }
    if name not in services.looks:
        services.looks[name] = Look(asks[name], 0.0 if name == "store" else FRESH_SECONDS)
    return services.looks[name]


async def metrics(request: web.Request, services: Services) -> web.Response:  # noqa: ARG001  one shape for all handlers
    """Answer ``GET /metrics`` in Prometheus' text format."""
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
