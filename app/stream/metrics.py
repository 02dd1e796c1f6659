"""The metrics of a worker's roles, declared once; those of single agents are in ``agents.metrics``.

Memory, CPU and open files are those of ``prometheus_client`` (``process_resident_memory_bytes``, …).
"""

from collections import Counter as Sums
from collections.abc import Mapping
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

RECORDS: Final = Counter(
    "faultline_worker_records", "Records of finished batches by role, redeliveries included.", ["role"]
)
BATCH_RECORDS: Final = Histogram(
    "faultline_worker_batch_records",
    "Records of one finished batch.",
    ["role"],
    buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10_000),
)
BATCH_SECONDS: Final = Histogram(
    "faultline_worker_batch_seconds",
    "Seconds from a batch's arrival at its agent to its last durable write, tries that failed included.",
    ["role"],
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
RETRIES: Final = Counter(
    "faultline_worker_retries", "Batches tried again because a backend failed, by the class of its error.",
    ["role", "error"],
)  # fmt: skip
LAG_RECORDS: Final = Gauge(
    "faultline_worker_lag_records", "Records of the partitions owned here that are not committed yet.", ["role"]
)
LAG_SECONDS: Final = Gauge(
    "faultline_worker_lag_seconds", "Age of the first record of the partitions owned here that waits; 0 for none.",
    ["role"],
)  # fmt: skip
WATERMARK: Final = Gauge(
    "faultline_worker_watermark_timestamp_seconds",
    "Everything received before this is counted, in the partitions owned here (role rates).",
    ["role"],
)
PARTITIONS: Final = Gauge("faultline_worker_partitions", "Partition numbers owned here.", ["role"])
STUCK: Final = Gauge("faultline_worker_stuck_partitions", "Partitions whose batch waits for a backend.", ["role"])
REBALANCES: Final = Gauge(
    "faultline_worker_assignments", "How often the role's group gave this process partitions.", ["role"]
)
TABLES_MEMORY: Final = Gauge(
    "faultline_worker_tables_memory_bytes",
    "Cache and write buffers of this process's state tables, which FAULTLINE_ROCKSDB_MB bounds: filled slowly.",
)
GENERATION: Final = Gauge("faultline_log_generation", "Generation of the log that this process works on.")


def finished(role: str, records: int, seconds: float) -> None:
    """Count a batch whose work is durable; an idle batch, which has no records, is not counted."""
    if not records:
        return
    RECORDS.labels(role).inc(records)
    BATCH_RECORDS.labels(role).observe(records)
    BATCH_SECONDS.labels(role).observe(seconds)


def declare(roles: tuple[str, ...]) -> None:
    """Export each role's metrics from the start, as 0 instead of not at all."""
    for role in roles:
        for metric in (RECORDS, BATCH_RECORDS, BATCH_SECONDS, PARTITIONS, STUCK, REBALANCES):
            metric.labels(role)


def totals(counter: Counter, label: str) -> Mapping[str, float]:
    """Return the totals of a counter in this process by one of its labels, summed over the others."""
    sums: Sums[str] = Sums()
    for metric in counter.collect():
        for sample in metric.samples:
            if sample.name.endswith("_total"):
                sums[sample.labels[label]] += sample.value  # type: ignore[assignment]  # Counter is typed for int alone
    return dict(sums)
