"""The numbers that ingest counts, declared once."""

from functools import cache
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from app.ingest.records import Batch

RECORDS: Final = Counter("faultline_ingest_records", "Records that the log has taken.", ["topic"])
NOT_KEPT: Final = Counter("faultline_ingest_not_kept", "Things counted and not kept.", ["category", "reason"])
REFUSALS: Final = Counter("faultline_ingest_refusals", "Requests refused, by code.", ["code"])
BYTES: Final = Counter("faultline_ingest_bytes", "Bytes of record values that the log has taken.")
HELD: Final = Gauge("faultline_ingest_held_bytes", "Bytes of bodies held in memory.")
APPEND_SECONDS: Final = Histogram(
    "faultline_ingest_append_seconds",
    "Seconds from handing a request's records to the log until they were durable.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30),
)


def count(batch: Batch) -> None:
    """Count what the log has taken of one request."""
    for record in batch.records:
        _records(record.topic).inc()
    BYTES.inc(sum(len(record.value or b"") for record in batch.records))
    for (category, reason), quantity in batch.not_kept.items():
        NOT_KEPT.labels(category, reason).inc(quantity)


@cache
def _records(topic: str) -> Counter:
    """Remember the child of a topic: finding it again costs more than counting."""
    return RECORDS.labels(topic)
