"""Decisions that end by themselves, counted by real flushes: once each, whatever is redelivered."""

from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from app.cells import DAY, Cell
from app.records import Delta, Entry, GroupFacts
from app.stores.aggregates import overview
from app.stores.aggregates.standing import EndCondition
from app.stores.aggregates.store import Aggregates
from app.stores.aggregates.types import GroupRow, NoticedGroup
from tables.fold import Fold
from tests.support.rates_truth import NOON, SOURCES

TODAY = NOON - NOON % DAY


@pytest.fixture
async def store(database: str) -> AsyncIterator[Aggregates]:
    async with asyncpg.create_pool(database, min_size=1, max_size=3) as pool:
        yield Aggregates(pool)


def delta(first: int, times: Sequence[int], *, release: str = "v1", group: str = "g", facts: bool = True) -> Delta:
    """Return a delta of events at these times (ms); without facts, of the windows of their release alone."""
    last = first + len(times) - 1
    entries = [Entry(offset, {"crashes": 1}) for offset in range(first, last + 1)]
    window = [(DAY, TODAY, list(range(len(times))))]
    cell = Cell("c", 7, group)
    known = GroupFacts(
        title="t", culprit="c", platform="python", level="error", type="E", first_seen=min(times), last_seen=max(times),
        unhandled=True, release=release, sample_event="e", sample_offset=first, grouping="g1",
    )  # fmt: skip
    cells = {Cell("c", 7, group, release).key(): window, Cell("c", 7, "", release).key(): window}
    if facts:
        cells[cell.key()] = window
    return Delta(
        schema=1, topic=SOURCES[0].topic, partition=SOURCES[0].partition, first=first, last=last, received=0,
        entries=entries, cells=cells, groups={cell.key(): known} if facts else {},
    )  # fmt: skip


async def count(store: Aggregates, offset: int, *deltas: Delta, partition: int = 0) -> None:
    topic = "1.deltas"
    fold = Fold(1, await store.progress(topic, partition))
    for at, item in enumerate(deltas, offset):
        fold.take(at, item)
    await store.flush(topic, partition, fold, await store.rows(list(fold.rows)))


async def group(store: Aggregates, name: str = "g") -> GroupRow:
    row = await store.group(name)
    assert row is not None
    return row


async def notices_of_endings(store: Aggregates) -> list[tuple[str, str, int]]:
    return [(notice.group, notice.kind, notice.at) for notice in await store.notices(7, 0) if notice.kind != "new"]


async def test_ignored_until_some_events(store: Aggregates) -> None:
    await count(store, 0, delta(0, [1000]))
    await store.set_status("g", "ignored", 5000, EndCondition(events=3))
    more = delta(1, [6000, 6001])
    await count(store, 1, more)
    await count(store, 1, more)
    assert ((await group(store)).status, (await group(store)).events_left) == ("ignored", 1)
    last = delta(3, [6002])
    await count(store, 2, last)
    await count(store, 2, last)
    row = await group(store)
    assert (row.status, row.events_left, row.until) == ("open", None, None)
    assert await notices_of_endings(store) == [("g", "reopened", 6002)]


async def test_ignored_until_a_time(store: Aggregates) -> None:
    await count(store, 0, delta(0, [1000]))
    await store.set_status("g", "ignored", 5000, EndCondition(time=8000))
    await count(store, 1, delta(1, [7999]))
    assert ((await group(store)).status, (await group(store)).until) == ("ignored", 8000)
    await count(store, 2, delta(2, [7000, 8000]))
    assert (await group(store)).status == "open"
    assert await notices_of_endings(store) == [("g", "reopened", 8000)]


async def test_resolved_in_the_next_release(store: Aggregates) -> None:
    await count(store, 0, delta(0, [1000]), delta(1, [1000], release="v2", group="other"))
    await store.set_status("g", "resolved", 5000, EndCondition(next_release=True))
    await count(store, 2, delta(2, [6000]), delta(3, [6000], release="v2"))
    assert ((await group(store)).status, (await group(store)).next_release) == ("resolved", True)
    # The windows of a group's releases may live on another partition of deltas than the group itself.
    fixed = delta(0, [7000], release="v3", facts=False)
    await count(store, 0, fixed, partition=1)
    await count(store, 0, fixed, partition=1)
    row = await group(store)
    assert (row.status, row.next_release) == ("regressed", False)
    assert await notices_of_endings(store) == [("g", "regressed", TODAY * 1000)]
    by_release = await overview.new_and_regressed(store._pool, 7, ["v1", "v2", "v3", "v4"], 1)
    assert {name: groups.counts for name, groups in by_release.items()} == {
        "v1": {"new": 1}, "v2": {"new": 1}, "v3": {"regressed": 1}, "v4": {},
    }  # fmt: skip
    assert by_release["v3"].latest == [NoticedGroup("g", "t", "regressed", TODAY * 1000)]


async def test_a_decision_about_a_merged_group_counts_all_its_members(store: Aggregates) -> None:
    await count(store, 0, delta(0, [1000]), delta(1, [1000], group="root"))
    await store.merge("g", "root")
    await store.set_status("g", "ignored", 5000, EndCondition(events=3))
    await count(store, 2, delta(2, [6000]), delta(3, [6001], group="root"))
    assert (await group(store, "root")).events_left == 1
    await count(store, 4, delta(4, [6002]))
    assert (await group(store)).status == "open"
    assert await notices_of_endings(store) == [("root", "reopened", 6002)]


async def test_deciding_again(store: Aggregates) -> None:
    await count(store, 0, delta(0, [1000]))
    await store.set_status("g", "resolved", 5000)
    await store.set_status("g", "resolved", 9000)
    await count(store, 1, delta(1, [6000]))
    assert (await group(store)).status == "regressed", "the first decision's time stays"
    await store.set_status("g", "ignored", 9000, EndCondition(events=3))
    await store.set_status("g", "ignored", 9000)
    await count(store, 2, delta(2, [9001, 9002, 9003, 9004]))
    row = await group(store)
    assert (row.status, row.events_left) == ("ignored", None)
    with pytest.raises(ValueError, match="not both"):
        await store.set_status("g", "ignored", 1, EndCondition(events=3, time=1))
