"""Decisions that end by themselves, counted by real flushes: once each, whatever is delivered again."""

from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from app.cells import DAY, Cell
from app.records import Delta, Entry, GroupFacts
from app.stores.aggregates import overview
from app.stores.aggregates.standing import Until
from app.stores.aggregates.store import Aggregates
from app.stores.aggregates.types import GroupRow
from tables.fold import Fold
from tests.support.rates_truth import NOON, SOURCES

TODAY = NOON - NOON % DAY


@pytest.fixture
async def store(database: str) -> AsyncIterator[Aggregates]:
    async with asyncpg.create_pool(database, min_size=1, max_size=3) as pool:
        yield Aggregates(pool)


def delta(a: int, times: Sequence[int], *, release: str = "v1", group: str = "g", facts: bool = True) -> Delta:
    """Give a delta of events at these times (ms); without facts, of the windows of their release alone."""
    b = a + len(times) - 1
    entries = [Entry(offset, {"crashes": 1}) for offset in range(a, b + 1)]
    window = [(DAY, TODAY, list(range(len(times))))]
    cell = Cell("c", 7, group)
    known = GroupFacts("t", "c", "python", "error", "E", min(times), max(times), True, release, "e", a, "g1")
    cells = {Cell("c", 7, group, release).key(): window, Cell("c", 7, "", release).key(): window}
    if facts:
        cells[cell.key()] = window
    return Delta(1, *SOURCES[0], a, b, 0, entries, cells, {cell.key(): known} if facts else {})


async def count(store: Aggregates, offset: int, *deltas: Delta, partition: int = 0) -> None:
    topic = "1.deltas"
    fold = Fold(1, await store.progress(topic, partition))
    for at, each in enumerate(deltas, offset):
        fold.take(at, each)
    await store.flush(topic, partition, fold, await store.rows(list(fold.rows)))


async def group(store: Aggregates, name: str = "g") -> GroupRow:
    row = await store.group(name)
    assert row is not None
    return row


async def told(store: Aggregates) -> list[tuple[str, str, int]]:
    return [(one["group"], one["kind"], one["at"]) for one in await store.notices(7, 0) if one["kind"] != "new"]


async def test_ignored_until_some_events(store: Aggregates) -> None:
    await count(store, 0, delta(0, [1000]))
    await store.set_status("g", "ignored", 5000, Until(events=3))
    more = delta(1, [6000, 6001])
    await count(store, 1, more)
    await count(store, 1, more)
    assert ((await group(store)).status, (await group(store)).events_left) == ("ignored", 1)
    last = delta(3, [6002])
    await count(store, 2, last)
    await count(store, 2, last)
    found = await group(store)
    assert (found.status, found.events_left, found.until) == ("open", None, None)
    assert await told(store) == [("g", "reopened", 6002)]


async def test_ignored_until_a_time(store: Aggregates) -> None:
    await count(store, 0, delta(0, [1000]))
    await store.set_status("g", "ignored", 5000, Until(time=8000))
    await count(store, 1, delta(1, [7999]))
    assert ((await group(store)).status, (await group(store)).until) == ("ignored", 8000)
    await count(store, 2, delta(2, [7000, 8000]))
    assert (await group(store)).status == "open"
    assert await told(store) == [("g", "reopened", 8000)]


async def test_resolved_in_the_next_release(store: Aggregates) -> None:
    await count(store, 0, delta(0, [1000]), delta(1, [1000], release="v2", group="other"))
    await store.set_status("g", "resolved", 5000, Until(next_release=True))
    await count(store, 2, delta(2, [6000]), delta(3, [6000], release="v2"))
    assert ((await group(store)).status, (await group(store)).next_release) == ("resolved", True)
    # The windows of a group's releases may live on another partition of deltas than the group itself.
    fixed = delta(0, [7000], release="v3", facts=False)
    await count(store, 0, fixed, partition=1)
    await count(store, 0, fixed, partition=1)
    found = await group(store)
    assert (found.status, found.next_release) == ("regressed", False)
    assert await told(store) == [("g", "regressed", TODAY * 1000)]
    brought = await overview.arrivals(store._pool, 7, ["v1", "v2", "v3", "v4"], 1)
    assert {name: found.counts for name, found in brought.items()} == {
        "v1": {"new": 1}, "v2": {"new": 1}, "v3": {"regressed": 1}, "v4": {},
    }  # fmt: skip
    assert brought["v3"].latest == [overview.Arrival("g", "t", "regressed", TODAY * 1000)]


async def test_a_decision_about_a_merged_group_counts_all_its_members(store: Aggregates) -> None:
    await count(store, 0, delta(0, [1000]), delta(1, [1000], group="root"))
    await store.merge("g", "root")
    await store.set_status("g", "ignored", 5000, Until(events=3))
    await count(store, 2, delta(2, [6000]), delta(3, [6001], group="root"))
    assert (await group(store, "root")).events_left == 1
    await count(store, 4, delta(4, [6002]))
    assert (await group(store)).status == "open"
    assert await told(store) == [("root", "reopened", 6002)]


async def test_deciding_again(store: Aggregates) -> None:
    await count(store, 0, delta(0, [1000]))
    await store.set_status("g", "resolved", 5000)
    await store.set_status("g", "resolved", 9000)
    await count(store, 1, delta(1, [6000]))
    assert (await group(store)).status == "regressed", "the first decision's time stays"
    await store.set_status("g", "ignored", 9000, Until(events=3))
    await store.set_status("g", "ignored", 9000)
    await count(store, 2, delta(2, [9001, 9002, 9003, 9004]))
    found = await group(store)
    assert (found.status, found.events_left) == ("ignored", None)
    with pytest.raises(ValueError, match="not both"):
        await store.set_status("g", "ignored", 1, Until(events=3, time=1))
