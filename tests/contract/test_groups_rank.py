"""Every order of the list of groups, page by page, beside the same order computed from the rows one by one."""

import random
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import NamedTuple

import asyncpg
import msgspec
import pytest

from app.cells import HOUR, MINUTE
from app.stores.aggregates import groups_rank, groups_users
from app.stores.aggregates.groups_sql import SORTS, Sort
from app.stores.aggregates.store import Aggregates
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


class Known(NamedTuple):
    """All rows, and when each group was first and last seen."""

    windows: list[Window]
    seen: dict[str, tuple[int, int]]


def root(group: str) -> str:
    return MERGED.get(group, group)


def made() -> Known:
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
    return Known(windows, seen)


@pytest.fixture
async def store(database: str) -> AsyncIterator[Aggregates]:
    known = made()
    async with asyncpg.create_pool(database, min_size=1, max_size=2) as pool:
        await pool.executemany(
            "insert into windows select 1, 'c', $1, '', $2, $3, 1, 1, $4, $5",
            [
                (each.group, each.size, each.start,
                 msgspec.json.encode({"crashes": each.crashes, "messages": each.messages}).decode(),
                 encode_sketches({"users": sketch.add(sketch.EMPTY, each.users)}))
                for each in known.windows
            ],
        )  # fmt: skip
        await pool.executemany(
            "insert into groups select $1, 1, '', '', '', 'error', '', false, 'g1', '', $2, $3, '', '', 0, 0",
            [(name, *times) for name, times in known.seen.items()],
        )
        await pool.executemany("insert into group_aliases (id, project, root) values ($1, 1, $2)", MERGED.items())
        await pool.executemany("insert into group_states values ($1, 1, $2, 0)", STATUSES.items())
        yield Aggregates(pool)


def expected(known: Known, sort: Sort, status: str) -> list[str]:
    """Give the roots of the range in their order."""
    inside, before, recent = (defaultdict[str, list[Window]](list) for _ in range(3))
    for each in known.windows:
        if START <= each.start < END:
            inside[root(each.group)].append(each)
        if each.start < START and each.size == HOUR:
            before[root(each.group)].append(each)
        if each.start >= END - 5 * MINUTE:
            recent[root(each.group)].append(each)

    def rank(group: str) -> int:
        own = inside[group]
        n, other = (sum(each.crashes + each.messages for each in some) for some in (own, before[group]))
        times = [known.seen[name] for name in known.seen if root(name) == group]
        growth = 1000 * (n - other) / (n + other + 1) ** 0.5
        ranks: dict[str, int] = {
            "last_seen": max(last for _, last in times),
            "first_seen": min(first for first, _ in times),
            "count": sum(each.crashes for each in own),
            "users": sketch.estimate(sketch.add(sketch.EMPTY, {user for each in own for user in each.users})),
            "rate": sum(each.crashes + each.messages for each in recent[group]),
            "growth": round(growth),
        }
        return ranks[sort]

    chosen = [name for name in inside if status in {"", STATUSES.get(name, "open")}]
    return sorted(chosen, key=lambda name: (rank(name), name), reverse=True)


async def paged(store: Aggregates, sort: Sort, status: str) -> list[str]:
    """Give the ids of all pages."""
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        rows, cursor, _ = await store.groups(1, START, END, sort=sort, status=status, limit=7, cursor=cursor)
        assert len(rows) == 7 or cursor is None
        found += [row.id for row in rows]
    return found


async def test_every_order_page_by_page(store: Aggregates) -> None:
    for sort in SORTS:
        for status in ("", "resolved"):
            assert await paged(store, sort, status) == expected(made(), sort, status), (sort, status)


async def test_every_order_of_a_list_too_long_to_be_walked_or_bounded_at_once(
    store: Aggregates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups_rank, "WALKED", 9)
    monkeypatch.setattr(groups_users, "FIRST", 1)
    monkeypatch.setattr(groups_users, "STEP", 3)
    for sort in SORTS:
        assert await paged(store, sort, "") == expected(made(), sort, ""), sort


async def test_what_is_shown_is_of_the_whole_group(store: Aggregates) -> None:
    rows, _, sizes = await store.groups(1, START, END, sort="users", limit=200)
    inside = [each for each in made().windows if START <= each.start < END]
    assert sizes == [MINUTE, HOUR]
    assert {root(each.group) for each in inside} == {row.id for row in rows}
    for row in rows:
        own = [each for each in inside if root(each.group) == row.id]
        users = sketch.add(sketch.EMPTY, {user for each in own for user in each.users})
        assert (row.count, row.users) == (sum(each.crashes for each in own), sketch.estimate(users))
