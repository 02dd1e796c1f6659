"""The API over the real server: what was sent comes back as numbers, groups, events and raw bytes."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.web_site import Site, running_site


@pytest.fixture
async def site(database: str, tmp_path: Path) -> AsyncIterator[Site]:
    async with running_site(database, tmp_path) as found:
        yield found


def crash(text: str = "no price", *, user: str = "u1", release: str = "shop@1.0.0", **more: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    frame = {"function": "price", "module": "shop.cart", "filename": "shop/cart.py", "lineno": 7, "in_app": True}
    raised = {"type": "PriceError", "value": text, "mechanism": {"type": "excepthook", "handled": False}}
    return {
        "event_id": uuid4().hex,
        "timestamp": datetime.now(UTC).timestamp(),
        "platform": "python",
        "release": release,
        "environment": "production",
        "user": {"id": user},
        "exception": {"values": [{**raised, "stacktrace": {"frames": [frame]}}]},
        **more,
    }


async def test_a_crash_reaches_every_view(site: Site) -> None:
    sent = crash(extra={"password": "hunter2", "order": 7})
    await site.send(sent)
    await site.send(crash(user="u2"))
    await site.pipeline.step()
    groups = await site.get(f"{site.api}/groups")
    assert [(group["count"], group["users"], group["status"]) for group in groups["groups"]] == [(2, 2, "open")]
    rates = await site.get(f"{site.api}/rates", window="1m")
    assert sum(point["crashes"] for point in rates["points"]) == 2
    assert rates["complete_until"] is not None
    found = await site.get(f"{site.api}/search", q="PriceError release:shop@1.0.0")
    assert found["total"] == 2
    event = await site.get(f"/api/v1/events/{sent['event_id']}")
    assert event["exceptions"][0]["type"] == "PriceError"
    assert event["group"] == groups["groups"][0]["id"]
    assert event["extra"] == {"password": "[Filtered]", "order": 7}
    raw = await site.get(f"/api/v1/events/{sent['event_id']}/raw")
    sent["extra"]["password"] = "[Filtered]"  # noqa: S105  what secrets become
    assert raw == sent
    address = event["address"]
    assert await site.get(f"/files/{address['topic']}/{address['partition']}/{address['offset']}") == sent
