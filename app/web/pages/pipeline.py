"""For the operator: the way of the data, how each stage does, and what became of every record."""

import asyncio
from typing import Final

from aiohttp import web

from app.cells import HOUR
from app.log.lag import lag
from app.stores.admin.instances import Instances
from app.stores.aggregates.types import LedgerQuery
from app.topics import DELTAS, qualified
from app.web.call import Call
from app.web.health import unready
from app.web.pages.shell import around, part
from app.web.pipeline import along, stages
from app.web.render import page
from app.web.services import BOARD

OUTCOMES: Final = ("grouped", "duplicate", "filtered", "rate_limited", "dead_lettered", "in_flight")
MINUTES: Final = 60
LETTERS: Final = 20


async def show(call: Call) -> web.Response:
    """Answer ``GET /pipeline``."""
    services, now = call.services, call.services.now()
    instances = Instances(services.pool)
    complete = await services.complete_until()
    lags, running, watermark, minutes, letters = await asyncio.gather(
        part(lag(services.log, services.generation)),
        part(instances.alive()),
        part(instances.watermark(qualified(services.generation, DELTAS))),
        part(
            services.aggregates.ledger(
                LedgerQuery(start_ms=now - HOUR * 1000, end_ms=now + 1, projects=call.access.projects),
                log=services.log,
                generation=services.generation,
            )
        ),
        part(call.request.app[BOARD].look(LETTERS, call.access.projects)),
    )
    sums = {name: sum(getattr(minute, name) for minute in minutes or ()) for name in ("accepted", *OUTCOMES)}
    return page(
        "pipeline.html", **await around(call, None, "pipeline"), stages=stages(lags or (), running or (), now),
        lags=lags, instances=None if running is None else along(running), watermark=watermark,
        minutes=list(reversed(minutes or []))[:MINUTES],
        sums=sums, outcomes=OUTCOMES, complete=complete, known=minutes is not None, letters=letters,
        reasons=await unready(services),
    )  # fmt: skip
