"""Builds deltas of groups and counts them in an aggregates store."""

from app.cells import DAY
from app.records import Delta, Entry, GroupFacts
from app.stores.aggregates.store import Aggregates
from tables.fold import Fold
from tests.support.rates_truth import NOON, SOURCES


async def count(store: Aggregates, *deltas: Delta) -> None:
    """Fold and flush deltas on one partition of ``deltas``."""
    fold = Fold(1, await store.progress("1.deltas", 0))
    for offset, delta in enumerate(deltas, sum(p.last + 1 for p in fold.before.values())):
        fold.take(offset, delta)
    rows = await store.rows(list(fold.rows))
    await store.flush("1.deltas", 0, fold, rows)


def facts(offset: int, *, at: int = NOON * 1000) -> GroupFacts:
    return GroupFacts(
        title="t", culprit="c", platform="python", level="error", type="E", first_seen=at, last_seen=at, unhandled=True,
        release="v1", sample_event="e", sample_offset=offset, grouping="g1",
    )  # fmt: skip


def delta(first: int, last: int, groups: dict[str, GroupFacts], *, at: int = NOON) -> Delta:
    entries = [Entry(offset, {"crashes": 1}) for offset in range(first, last + 1)]
    cells = {key: [(DAY, at - at % DAY, list(range(len(entries))))] for key in groups}
    return Delta(
        schema=1, topic=SOURCES[0].topic, partition=SOURCES[0].partition, first=first, last=last, received=0,
        entries=entries, cells=cells, groups=groups,
    )  # fmt: skip
