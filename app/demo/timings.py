"""Sends durations of the shop's pages and requests as raygun4js does in browsers, with the times of the visits."""

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp

from app.demo.errors import DemoError
from app.demo.plan import BAD, Visit
from app.demo.target import Target

BATCH: Final = 100
"""Events of one request: far below ingest's limit."""
TYPICAL_MS: Final = {"p": 640.0, "x": 90.0, "c": 35.0}
"""The median duration of a page, a request and an asset."""
SLOWER: Final = 2.2
"""By how much requests take longer in the bad release."""


async def send(target: Target, visits: Sequence[Visit], seed: int = 11) -> None:
    """Send the durations of some visits. Raises DemoError."""
    dice = random.Random(seed)  # noqa: S311  the demo must be the same each time, not secret
    events = [_event(visit, dice) for visit in visits]
    address = f"{target.url}/events?apikey={target.raygun_key}"
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            for at in range(0, len(events), BATCH):
                body = {"eventData": events[at : at + BATCH]}
                async with session.post(address, json=body, raise_for_status=True):
                    pass
    except (aiohttp.ClientError, TimeoutError) as error:
        raise DemoError(f"{target.url} does not take durations: {error}") from error


def _event(visit: Visit, dice: random.Random) -> dict[str, Any]:
    slower = SLOWER if visit.release == BAD else 1.0
    items = [
        _item(f"https://shop.example.org/articles/{visit.sku}", "p", dice, slower**0.3),
        _item(f"https://shop.example.org/api/orders/{visit.order}", "x", dice, slower),
        _item("https://shop.example.org/static/shop.js", "c", dice, 1.0),
    ]
    return {
        "type": "web_request_timing",
        "timestamp": (datetime.now(UTC) - timedelta(seconds=visit.ago)).isoformat().replace("+00:00", "Z"),
        "sessionId": f"{visit.customer:08x}",
        "version": f"shop@{visit.release}",
        "user": {"identifier": f"customer-{visit.customer}"},
        "data": json.dumps(items),
    }


def _item(url: str, kind: str, dice: random.Random, factor: float) -> dict[str, Any]:
    duration = TYPICAL_MS[kind] * factor * dice.lognormvariate(0, 0.5)
    return {"url": url, "timing": {"t": kind, "du": f"{duration:.2f}"}}
