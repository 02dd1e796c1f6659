"""The counts of what the log acknowledged: late by one turn of the event loop at most, and complete."""

import asyncio

from prometheus_client import REGISTRY

from app.ingest.ids import EventId
from app.ingest.metrics import Appended
from app.ingest.records import Layout, Origin, RequestRecords


def figures() -> list[float]:
    names = {
        "faultline_ingest_records_total": {"topic": "9.crashes"},
        "faultline_ingest_bytes_total": {},
        "faultline_ingest_not_kept_total": {"category": "timing", "reason": "span"},
        "faultline_ingest_append_seconds_count": {},
    }
    return [REGISTRY.get_sample_value(name, labels) or 0.0 for name, labels in names.items()]


async def test_the_requests_of_a_turn_are_counted_together() -> None:
    before = figures()
    appended = Appended()
    for turn in range(2):
        for number in range(3):
            collected = RequestRecords(Origin(7, 1000), Layout(9, 8))
            collected.keep("sentry", EventId(f"{turn}{number}"), b"12345")
            collected.refuse("timing", "span", 2)
            collected.finish()
            appended.add(collected, 0.004)
        await asyncio.sleep(0)
        gained = [now - was for now, was in zip(figures(), before, strict=True)]
        assert gained == [3.0 * (turn + 1), 15.0 * (turn + 1), 6.0 * (turn + 1), 3.0 * (turn + 1)]
