"""The Prometheus metrics of ingest."""

import asyncio
from collections import Counter as Tally
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from app.ingest.records import RequestRecords

RECORDS: Final = Counter("faultline_ingest_records", "Records appended to the log.", ["topic"])
NOT_KEPT: Final = Counter("faultline_ingest_not_kept", "Items counted and not kept.", ["category", "reason"])
REFUSALS: Final = Counter("faultline_ingest_refusals", "Requests refused, by code.", ["code"])
BYTES: Final = Counter("faultline_ingest_bytes", "Bytes of record values appended to the log.")
HELD: Final = Gauge("faultline_ingest_held_bytes", "Bytes of bodies held in memory.")
APPEND_SECONDS: Final = Histogram(
    "faultline_ingest_append_seconds",
    "Seconds from handing a request's records to the log until they were durable.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30),
)


class Appended:
    """Counts what the log acknowledged. The requests of one turn of the event loop, as those of one transaction, are
    counted together: that costs a fraction of counting each between other work.
    """  # noqa: D205  the summary is two sentences

    def __init__(self) -> None:
        self._turn: list[tuple[RequestRecords, float]] = []

    def add(self, collected: RequestRecords, seconds: float) -> None:
        """Count the records of one request, and the seconds that their append took."""
        if not self._turn:
            asyncio.get_running_loop().call_soon(self._count)
        self._turn.append((collected, seconds))

    def _count(self) -> None:
        turn, self._turn = self._turn, []
        topics: Tally[str] = Tally()
        nbytes = 0
        for collected, seconds in turn:
            APPEND_SECONDS.observe(seconds)
            for record in collected.records:
                topics[record.topic] += 1
                nbytes += len(record.value or b"")
            for (category, reason), quantity in collected.not_kept.items():
                NOT_KEPT.labels(category, reason).inc(quantity)
        for topic, count in topics.items():
            RECORDS.labels(topic).inc(count)
        BYTES.inc(nbytes)
