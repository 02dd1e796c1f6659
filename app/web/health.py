"""Liveness, readiness with reasons, and Prometheus metrics."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.files.catalogue import Catalogue
from app.files.prepare import check
from app.log.open import on_kafka
from app.outages import sentence
from app.web import probe
from app.web.api import replies
from app.web.probe import StoreProbe
from app.web.respond import reply
from app.web.services import Services

FRESH_SECONDS: Final = 5.0
"""A probe of the files or of Elasticsearch is reused for so long: it costs a request to another server."""
NO_EVENT: Final = "0" * 32
"""An id that no event has."""


class Reason(NamedTuple):
    """Something that does not work: a stable code, whether the process is not ready because of it, and a sentence."""

    code: str
    fatal: bool
    text: str


async def healthz(request: web.Request, services: Services) -> web.Response:  # noqa: ARG001  one shape for all handlers
    """Answer ``GET /healthz``: the process runs."""
    return reply({"alive": True})


async def readyz(request: web.Request, services: Services) -> web.Response:  # noqa: ARG001  one shape for all handlers
    """Answer ``GET /readyz``: 503 where the process is not ready, with the reasons in either case."""
    reasons = await unready_reasons(services)
    ready = not any(reason.fatal for reason in reasons)
    listed = [{"code": reason.code, "message": reason.text} for reason in reasons]
    return reply(replies.HealthReply(ready=ready, reasons=listed), status=200 if ready else 503)


async def unready_reasons(services: Services) -> list[Reason]:
    """Return what does not work, [] for nothing.

    A process that accepts events is ready as long as it can append them to the log. Were it not ready while the files
    are away, a proxy would stop sending it events that it could have kept.
    """
    accepts_events = "ingest" in services.parts
    names = [name for name in ("store", "files", "search") if _uses(services, name)]
    answers = await asyncio.gather(*(_probe(services, name).reachable() for name in names))
    away = [name for name, reachable in zip(names, answers, strict=True) if not reachable]
    fatal = {
        "store": not accepts_events or not on_kafka(services.settings),
        "files": not accepts_events and "files" in services.parts,
        "search": False,
    }
    codes = {**dict.fromkeys(services.readiness(), True), **{f"{name}_unavailable": fatal[name] for name in away}}
    return [Reason(code, is_fatal, sentence(code, services.settings)) for code, is_fatal in codes.items()]


def _uses(services: Services, name: str) -> bool:
    if name == "search":
        return "web" in services.parts and not services.settings.search.startswith("database:")
    return name == "store" or bool(services.parts & {"web", "files"})


def _probe(services: Services, name: str) -> StoreProbe:
    pings: dict[str, Callable[[], Awaitable[object]]] = {
        "store": lambda: services.pool.fetchval("select 1", timeout=probe.SECONDS),
        "files": lambda: check(services.blobs, Catalogue(services.pool)),
        "search": lambda: services.search.event(NO_EVENT),
    }
    if name not in services.probes:
        services.probes[name] = StoreProbe(pings[name], 0.0 if name == "store" else FRESH_SECONDS)
    return services.probes[name]


async def metrics(request: web.Request, services: Services) -> web.Response:  # noqa: ARG001  one shape for all handlers
    """Answer ``GET /metrics`` in Prometheus' text format."""
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
