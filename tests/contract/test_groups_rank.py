"""Every sort of the groups list, page by page, equals the order computed from the rows one by one."""

import random
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import asyncpg
import msgspec
import pytest

from app.cells import HOUR, MINUTE
from app.stores.aggregates import groups_rank
from app.stores.aggregates.store import Aggregates
from app.stores.aggregates.types import GROUP_SORTS, GroupSort, GroupsQuery
from tables import sketch
from tables.windows import encode_sketches

START = 1_750_000_000 // HOUR * HOUR
END = START + 3 * HOUR + 10 * MINUTE
GROUPS = 60
MERGED = {"g07": "g03", "g11": "g03", "g20": "g50"}
STATUSES = {"g03": "resolved", "g05": "ignored", "g09": "resolved", "g12": "regressed"}


class Window(NamedTuple):
    """One row of a group, with the users that its sketch holds."""

    group: str
    size: int
    start: int
    crashes: int
    messages: int
    users: frozenset[int]


class Rows(NamedTuple):
    """All rows, and when each group was first and last seen."""

    windows: list[Window]
    seen: dict[str, tuple[int, int]]


def root(group: str) -> str:
    return MERGED.get(group, group)


def make_rows() -> Rows:
    """Make groups with few users and many, in windows of the range, before it, and in both."""
    chance = random.Random(11)
    windows = []
    for number in range(GROUPS):
        group = f"g{number:02d}"
        people = [chance.getrandbits(64) for _ in range(chance.choice([1, 2, 3, 900, 1500]))]
        starts = [(HOUR, START + chance.randrange(-3, 3) * HOUR) for _ in range(chance.randrange(1, 4))]
        starts += [(MINUTE, END - MINUTE * chance.randrange(1, 11)) for _ in range(chance.randrange(2))]
        for size, start in sorted(set(starts)):
            users = frozenset(chance.sample(people, chance.randrange(len(people)) + 1))
            windows.append(Window(group, size, start, len(users) + chance.randrange(3), chance.randrange(3), users))
    names = [f"g{number:02d}" for number in range(GROUPS)]
    seen = {name: (START - chance.randrange(40), END + chance.randrange(40)) for name in names}
    return Rows(windows, seen)


@pytest.fixture
async def store(database: str) -> AsyncIterator[Aggregates]:
    rows = make_rows()
    async with asyncpg.create_pool(database, min_size=1, max_size=2) as pool:
        await pool.executemany(
            "insert into windows select 1, 'c', $1, '', $2, $3, 1, 1, $4, $5",
            [
                (window.group, window.size, window.start,
                 msgspec.json.encode({"crashes": window.crashes, "messages": window.messages}).decode(),
                 encode_sketches({"users": sketch.add(sketch.EMPTY, window.users)}))
                for window in rows.windows
            ],
        )  # fmt: skip
        await pool.executemany(
            "insert into groups select $1, 1, '', '', '', 'error', '', false, 'g1', '', $2, $3, '', '', 0, 0",
            [(name, *times) for name, times in rows.seen.items()],
        )
        await pool.executemany("insert into group_aliases (id, project, root) values ($1, 1, $2)", MERGED.items())
        await pool.executemany("insert into group_states values ($1, 1, $2, 0)", STATUSES.items())
        yield Aggregates(pool)


def expected(rows: Rows, sort: GroupSort, status: str) -> list[str]:
    """Return the roots of the range in their order."""
    inside, before, recent = (defaultdict[str, list[Window]](list) for _ in range(3))
    for window in rows.windows:
        if START <= window.start < END:
            inside[root(window.group)].append(window)
        if window.start < START and window.size == HOUR:
            before[root(window.group)].append(window)
        if window.start >= END - 5 * MINUTE:
            recent[root(window.group)].append(window)

    def rank(group: str) -> int:
        own = inside[group]
        n, other = (sum(window.crashes + window.messages for window in some) for some in (own, before[group]))
        times = [rows.seen[name] for name in rows.seen if root(name) == group]
        growth = 1000 * (n - other) / (n + other + 1) ** 0.5
        ranks: dict[str, int] = {
            "last_seen": max(last for _, last in times),
            "first_seen": min(first for first, _ in times),
            "count": sum(window.crashes for window in own),
            "users": sketch.estimate(sketch.add(sketch.EMPTY, {user for window in own for user in window.users})),
            "rate": sum(window.crashes + window.messages for window in recent[group]),
            "growth": round(growth),
        }
        return ranks[sort]

    chosen = [name for name in inside if status in {"", STATUSES.get(name, "open")}]
    return sorted(chosen, key=lambda name: (rank(name), name), reverse=True)


async def read_pages(store: Aggregates, sort: GroupSort, status: str, only: Sequence[str] | None = None) -> list[str]:
    """Return the ids of all pages."""
    ids: list[str] = []
    query = GroupsQuery(project=1, start=START, end=END, sort=sort, status=status, only=only, limit=7)
    cursor: str | None = ""
    while cursor is not None:
        rows, cursor, _ = await store.groups(msgspec.structs.replace(query, cursor=cursor))
        assert len(rows) == 7 or cursor is None
        ids += [row.id for row in rows]
    return ids


async def test_every_sort_page_by_page(store: Aggregates) -> None:
    for sort in GROUP_SORTS:
        for status in ("", "resolved"):
            assert await read_pages(store, sort, status) == expected(make_rows(), sort, status), (sort, status)


async def test_every_sort_of_more_groups_than_the_limits_of_one_query(
    store: Aggregates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups_rank, "SUMMED_ONE_BY_ONE", 9)
    monkeypatch.setattr(groups_rank, "FIRST_BOUNDS", 1)
    monkeypatch.setattr(groups_rank, "UNITED_AT_ONCE", 3)
    for sort in GROUP_SORTS:
        assert await read_pages(store, sort, "") == expected(make_rows(), sort, ""), sort


@pytest.mark.parametrize(
    "only", [[], ["g05"], ["g07"], ["g50", "g20", "none"], [f"g{at:02d}" for at in range(0, 60, 3)]]
)
async def test_every_sort_of_some_groups_alone(
    store: Aggregates, only: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member stands for the whole group that it was merged into."""
    whole, roots = await store.groups(GroupsQuery(project=1, start=START, end=END, limit=200)), set(map(root, only))
    for most in (9, 1000):
        monkeypatch.setattr(groups_rank, "SUMMED_ONE_BY_ONE", most)
        for sort in GROUP_SORTS:
            chosen = [name for name in expected(make_rows(), sort, "") if name in roots]
            assert await read_pages(store, sort, "", only) == chosen, sort
    some = await store.groups(GroupsQuery(project=1, start=START, end=END, only=only, limit=200))
    assert some.rows == [row for row in whole.rows if row.id in roots]


async def test_groups_of_a_state_and_new_ones(store: Aggregates) -> None:
    async def decided(*statuses: str, start: int = 0, end: int = 2**60) -> list[str]:
        return await store.groups_decided(1, statuses, start, end, 100)

    assert await decided("resolved") == ["g03", "g07", "g09", "g11"]
    assert await decided("resolved", "ignored") == ["g03", "g05", "g07", "g09", "g11"]
    assert await decided("regressed") == ["g12"]
    assert await decided("open") == await store.groups_decided(2, ["resolved"], 0, 2**60, 100) == []
    assert await decided("resolved", start=END + 100) == await decided("resolved", end=START - 100) == []
    assert len(await store.groups_decided(1, ["resolved"], 0, 2**60, 2)) == 2
    seen = {name: first for name, (first, _) in make_rows().seen.items()}
    for start, end in ((START - 40, START), (START - 20, START - 10), (START, END)):
        first = {root(name): min(seen[other] for other in seen if root(other) == root(name)) for name in seen}
        new = [name for name in sorted(seen) if start <= first[root(name)] < end]
        assert await store.groups_new(1, start, end, 100) == new
    assert await store.groups_new(2, 0, 2**60, 100) == []


async def test_counts_and_users_are_of_all_members_and_windows(store: Aggregates) -> None:
    rows, _, sizes = await store.groups(GroupsQuery(project=1, start=START, end=END, sort="users", limit=200))
    inside = [window for window in make_rows().windows if START <= window.start < END]
    assert sizes == [MINUTE, HOUR]
    assert {root(window.group) for window in inside} == {row.id for row in rows}
    for row in rows:
        own = [window for window in inside if root(window.group) == row.id]
        users = sketch.add(sketch.EMPTY, {user for window in own for user in window.users})
        assert (row.count, row.users) == (sum(window.crashes for window in own), sketch.estimate(users))
