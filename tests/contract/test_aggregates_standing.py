"""The aggregates store: notices of new and regressed groups, merges, and groups by status."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.cells import DAY, Cell
from app.stores.aggregates.decisions import UnknownGroup
from app.stores.aggregates.store import Aggregates
from app.stores.aggregates.types import GroupsQuery
from tests.contract.aggregate_parts import count, delta, facts
from tests.support.rates_truth import NOON


@pytest.fixture
async def store(database: str) -> AsyncIterator[Aggregates]:
    async with asyncpg.create_pool(database, min_size=1, max_size=3) as pool:
        yield Aggregates(pool)


async def test_merges_of_unknown_groups_and_across_projects_are_refused(store: Aggregates) -> None:
    await count(store, delta(0, 0, {Cell("c", 7, "ga").key(): facts(0)}))
    with pytest.raises(UnknownGroup):
        await store.merge("ga", "nope")
    await count(store, delta(1, 1, {Cell("c", 8, "other").key(): facts(1)}))
    with pytest.raises(ValueError, match="two projects"):
        await store.merge("ga", "other")


async def test_new_and_regressed_groups_have_one_notice_each(store: Aggregates) -> None:
    cell = Cell("c", 7, "g").key()
    first = delta(0, 0, {cell: facts(0, at=1000)})
    await count(store, first)
    await count(store, first)
    await store.set_status("g", "resolved", 5000)
    assert await _status(store) == "resolved"
    await count(store, delta(1, 1, {cell: facts(1, at=4000)}))
    assert await _status(store) == "resolved", "it happened before it was resolved"
    again = delta(2, 2, {cell: facts(2, at=6000)})
    await count(store, again)
    await count(store, again, delta(3, 3, {cell: facts(3, at=7000)}))
    assert await _status(store) == "regressed"
    notices = await store.notices(7, 0)
    assert [(notice.group, notice.kind, notice.at) for notice in notices] == [
        ("g", "new", 1000),
        ("g", "regressed", 6000),
    ]
    assert await store.notices(7, max(notice.created for notice in notices) + 1) == []
    assert await store.notices(8, 0) == []


async def test_a_merged_group_regresses_its_root(store: Aggregates) -> None:
    cells = [Cell("c", 7, name).key() for name in ("a", "b", "root")]
    await count(store, delta(0, 0, {cell: facts(0, at=1000) for cell in cells}))
    await store.merge("a", "root")
    await store.merge("b", "root")
    await store.set_status("a", "resolved", 5000)
    await count(store, delta(1, 1, {cell: facts(1, at=6000) for cell in cells[:2]}))
    assert await _status(store, "b") == "regressed"
    assert [(n.group, n.at) for n in await store.notices(7, 0) if n.kind == "regressed"] == [("root", 6000)]


async def test_groups_by_status(store: Aggregates) -> None:
    cells = [Cell("c", 7, name).key() for name in ("new", "done", "back", "mute")]
    await count(store, delta(0, 0, {cell: facts(0, at=1000) for cell in cells}))
    for name, status in (("done", "resolved"), ("back", "resolved"), ("mute", "ignored")):
        await store.set_status(name, status, 2000)
    await count(store, delta(1, 1, {cells[2]: facts(1, at=3000), cells[3]: facts(1, at=3000)}))
    start = NOON - NOON % DAY
    listed = {
        status: sorted(row.id for row in (await store.groups(_all_of_day(start, status))).rows)
        for status in ("", "open", "resolved", "ignored", "regressed")
    }
    assert listed == {
        "": ["back", "done", "mute", "new"],
        "open": ["back", "new"],
        "resolved": ["done"],
        "ignored": ["mute"],
        "regressed": ["back"],
    }
    with pytest.raises(UnknownGroup):
        await store.set_status("nope", "open", 1)
    with pytest.raises(ValueError, match="status"):
        await store.set_status("new", "regressed", 1)


def _all_of_day(start: int, status: str) -> GroupsQuery:
    return GroupsQuery(project=7, start=start, end=start + DAY, status=status)


async def _status(store: Aggregates, group: str = "g") -> str:
    row = await store.group(group)
    assert row is not None
    return row.status
