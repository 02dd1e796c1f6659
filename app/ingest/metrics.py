"""The Prometheus metrics of ingest."""

from functools import cache
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


def count(collected: RequestRecords) -> None:
    """Count the records of one request, after the log acknowledged them."""
    nbytes = 0
    for record in collected.records:
        _records(record.topic).inc()
        nbytes += len(record.value or b"")
    BYTES.inc(nbytes)
    for (category, reason), quantity in collected.not_kept.items():
        NOT_KEPT.labels(category, reason).inc(quantity)


@cache
def _records(topic: str) -> Counter:
    """Return a topic's counter; cached, since ``labels`` costs more than the count."""
    return RECORDS.labels(topic)
