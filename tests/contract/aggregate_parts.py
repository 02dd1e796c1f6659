"""Deltas of groups, and counting them in an aggregates store."""

from app.cells import DAY
from app.records import Delta, Entry, GroupFacts
from app.stores.aggregates.store import Aggregates
from tables.fold import Fold
from tests.support.rates_truth import NOON, SOURCES


async def count(store: Aggregates, *deltas: Delta) -> None:
    """Count deltas on one partition, each source from where it is."""
    fold = Fold(1, await store.progress("1.deltas", 0))
    rows = await store.rows([])
    for offset, delta in enumerate(deltas, sum(p.last + 1 for p in fold.before.values())):
        fold.take(offset, delta)
    rows = await store.rows(list(fold.rows))
    await store.flush("1.deltas", 0, fold, rows)


def facts(offset: int, *, at: int = NOON * 1000) -> GroupFacts:
    return GroupFacts("t", "c", "python", "error", "E", at, at, True, "v1", "e", offset, "g1")


def delta(a: int, b: int, groups: dict[str, GroupFacts], *, at: int = NOON) -> Delta:
    entries = [Entry(offset, {"crashes": 1}) for offset in range(a, b + 1)]
    cells = {key: [(DAY, at - at % DAY, list(range(len(entries))))] for key in groups}
    return Delta(1, *SOURCES[0], a, b, 0, entries, cells, groups)
