"""For operators: the state of every stage, the ledger, dead letters and processes."""

import asyncio
from typing import Final

from aiohttp import web

from app.cells import HOUR
from app.log.lag import lag
from app.stores.admin.instances import Instances
from app.stores.aggregates.types import LedgerQuery
from app.topics import DELTAS, qualified
from app.web.call import Call
from app.web.health import unready_reasons
from app.web.pages.shell import if_available, shell
from app.web.pipeline import in_data_order, stages
from app.web.render import page
from app.web.services import DEAD_LETTERS

OUTCOMES: Final = ("grouped", "duplicate", "filtered", "rate_limited", "dead_lettered", "in_flight")
MINUTES: Final = 60
"""Rows of the ledger that are listed."""
LETTERS: Final = 20
"""Dead letters that are listed."""


async def show(call: Call) -> web.Response:
    """Answer ``GET /pipeline``."""
    services, now = call.services, call.services.now()
    instances = Instances(services.pool)
    complete = await services.complete_until()
    lags, running, watermark, minutes, letters = await asyncio.gather(
        if_available(lag(services.log, services.generation)),
        if_available(instances.alive()),
        if_available(instances.watermark(qualified(services.generation, DELTAS))),
        if_available(
            services.aggregates.ledger(
                LedgerQuery(start_ms=now - HOUR * 1000, end_ms=now + 1, projects=call.access.projects),
                log=services.log,
                generation=services.generation,
            )
        ),
        if_available(call.request.app[DEAD_LETTERS].newest(LETTERS, call.access.projects)),
    )
    sums = {name: sum(getattr(minute, name) for minute in minutes or ()) for name in ("accepted", *OUTCOMES)}
    return page(
        "pipeline.html", **await shell(call, None, "pipeline"), stages=stages(lags or (), running or (), now),
        lags=lags, instances=None if running is None else in_data_order(running), watermark=watermark,
        minutes=list(reversed(minutes or []))[:MINUTES], ledger_known=minutes is not None,
        sums=sums, outcomes=OUTCOMES, complete=complete, letters=letters, reasons=await unready_reasons(services),
    )  # fmt: skip
