"""For the operator: how far each stage is behind, and what became of every record."""

import asyncio

from aiohttp import web

from app.cells import HOUR
from app.stores.complete import lag
from app.web.call import Call
from app.web.health import TEXTS, unready
from app.web.pages.shell import around, part
from app.web.render import page

OUTCOMES = ("grouped", "duplicate", "filtered", "rate_limited", "dead_lettered", "in_flight")
MINUTES = 60


async def show(call: Call) -> web.Response:
    """Answer ``GET /pipeline``."""
    services, now = call.services, call.services.now()
    complete, stages, minutes, reasons, shell = await asyncio.gather(
        services.complete_until(),
        part(lag(services.log, services.generation)),
        part(services.aggregates.ledger(now - HOUR * 1000, now + 1, log=services.log, generation=services.generation)),
        unready(services),
        around(call, None, "pipeline"),
    )
    sums = {name: sum(minute[name] for minute in minutes or ()) for name in ("accepted", *OUTCOMES)}
    return page(
        "pipeline.html", **shell, stages=stages, minutes=list(reversed(minutes or []))[:MINUTES], sums=sums,
        outcomes=OUTCOMES, complete=complete, known=minutes is not None,
        reasons=[TEXTS.get(code, code) for code in reasons],
    )  # fmt: skip
