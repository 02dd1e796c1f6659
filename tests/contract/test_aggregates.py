"""The aggregates store: every number that the API gives, beside the same number counted directly."""

import base64
import random
from collections.abc import AsyncIterator, Callable, Iterable

import asyncpg
import pytest

from app.cells import DAY, HOUR, MINUTE, Cell
from app.records import Delta, Entry
from app.stores.aggregates.decisions import UnknownGroup
from app.stores.aggregates.ranges import cover, outward
from app.stores.aggregates.store import Aggregates
from app.stores.aggregates.types import Point
from app.stores.errors import StoreUnavailable
from app.topics import Source
from tables.fold import Fold
from tables.windows import Row, apply
from tests.contract.aggregate_parts import count
from tests.support import rates_truth as given
from tests.support.rates_truth import NOON, SOURCES, Event

DAY_OF = NOON - NOON % DAY
FIRST, LAST = DAY_OF - DAY, DAY_OF + 2 * DAY


@pytest.fixture
async def store(database: str) -> AsyncIterator[Aggregates]:
    async with asyncpg.create_pool(database, min_size=1, max_size=3) as pool:
        yield Aggregates(pool)


@pytest.fixture
async def events(store: Aggregates) -> list[Event]:
    """Give 300 counted events of project 7."""
    made = given.events(random.Random(5), 300)
    await count(store, given.delta(SOURCES[0], made, 0, 1, 0, 299, 0))
    return made


def users(events: Iterable[Event]) -> int:
    return len({event.user for event in events})


def within(
    events: Iterable[Event], start: int, end: int, keep: Callable[[Event], bool] = lambda _: True
) -> list[Event]:
    return [event for event in events if start <= event.time < end and keep(event)]


@pytest.mark.parametrize("size", [MINUTE, HOUR, DAY])
@pytest.mark.parametrize(("group", "release"), [("", ""), ("ga", ""), ("", "v:2"), ("gb", "v1")])
async def test_points(store: Aggregates, events: list[Event], size: int, group: str, release: str) -> None:
    start, end = outward(NOON + 600, NOON + 3000, size)
    own = within(events, start, end, lambda e: group in ("", e.group) and release in ("", e.release))
    starts = sorted({event.time - event.time % size for event in own})
    expected = [
        Point(at, len(found), 0, 0, users(found), None if group else 0, None if group else 0)
        for at in starts
        for found in [within(own, at, at + size)]
    ]
    assert await store.points(7, size, start, end, group=group, release=release) == expected


@pytest.mark.parametrize(("start", "end"), [(NOON, NOON + 60), (NOON + 540, NOON + 4080), (FIRST, LAST)])
async def test_totals(store: Aggregates, events: list[Event], start: int, end: int) -> None:
    own = within(events, start, end)
    totals = await store.totals(7, start, end)
    assert (totals["crashes"], totals["users"], totals["sessions"]) == (len(own), users(own), 0)
    assert totals["crash_free_sessions"] is None
    assert totals["sizes"] == sorted({piece.size for piece in cover(start, end)})
    in_group, totals = [e for e in own if e.group == "ga"], await store.totals(7, start, end, group="ga")
    assert (totals["crashes"], totals["users"], totals["sessions"]) == (len(in_group), users(in_group), None)


async def test_groups_are_sorted_and_paged(store: Aggregates, events: list[Event]) -> None:
    start, end = NOON + 540, NOON + 2100
    own = {name: [e for e in within(events, start, end) if e.group == name] for name in ("ga", "gb", "gc")}
    life = {name: [event.time * 1000 for event in events if event.group == name] for name in own}
    recent = {name: len(within(own[name], end - 300, end)) for name in own}
    before = {name: len([e for e in within(events, 2 * start - end, start) if e.group == name]) for name in own}
    rank: dict[str, Callable[[str], int]] = {
        "count": lambda name: len(own[name]),
        "users": lambda name: users(own[name]),
        "first_seen": lambda name: min(life[name]),
        "last_seen": lambda name: max(life[name]),
        "rate": lambda name: recent[name],
        "growth": lambda name: round(
            1000 * (len(own[name]) - before[name]) / (len(own[name]) + before[name] + 1) ** 0.5
        ),
    }
    for sort, value in rank.items():
        rows, cursor, sizes = await store.groups(7, start, end, sort=sort, limit=2)  # type: ignore[arg-type]  # a key of rank
        assert cursor is not None
        more, end_cursor, _ = await store.groups(7, start, end, sort=sort, limit=2, cursor=cursor)  # type: ignore[arg-type]  # a key of rank
        assert (end_cursor, sizes) == (None, [MINUTE])
        found = rows + more
        assert [row.id for row in found] == sorted(own, key=lambda name: (value(name), name), reverse=True)
        assert {row.id: (row.count, row.users) for row in found} == {n: (len(e), users(e)) for n, e in own.items()}
        assert {row.id: (row.first_seen, row.last_seen) for row in found} == {
            n: (min(t), max(t)) for n, t in life.items()
        }
        assert {row.id: (row.recent, row.before) for row in found} == {n: (recent[n], before[n]) for n in own}
    huge = base64.urlsafe_b64encode(b'[1e30,"a"]').decode()
    odd = base64.urlsafe_b64encode(b'[1,"\\u0000"]').decode()
    for bad in ("x", "eyJ9", "!!", huge, odd):
        with pytest.raises(ValueError, match="cursor"):
            await store.groups(7, start, end, cursor=bad)


async def test_groups_of_a_release(store: Aggregates, events: list[Event]) -> None:
    rows, _, sizes = await store.groups(7, FIRST, LAST, release="v1")
    assert sizes == [DAY]
    assert {row.id: row.count for row in rows} == {
        name: len([e for e in events if e.group == name and e.release == "v1"]) for name in ("ga", "gb", "gc")
    }
    assert await store.groups(8, FIRST, LAST) == ([], None, [DAY])


async def test_a_group_over_its_life(store: Aggregates, events: list[Event]) -> None:
    row = await store.group("ga")
    own = [event for event in events if event.group == "ga"]
    assert row is not None
    assert (row.count, row.users, row.messages, row.members) == (len(own), users(own), 0, ["ga"])
    assert row.sample == (SOURCES[0].topic, 0, own[0].offset)
    assert row.first_release == own[0].release
    assert (await store.group_project("ga"), await store.group_project("nope")) == (7, None)
    assert await store.group("nope") is None


async def test_merged_groups_are_one_until_they_are_taken_apart(store: Aggregates, events: list[Event]) -> None:
    before = {name: await store.group(name) for name in ("ga", "gb", "gc")}
    await store.merge("ga", "gb")
    await store.merge("gb", "gc")
    await store.merge("gc", "ga")
    row = await store.group("ga")
    assert row is not None
    assert (row.id, sorted(row.members), row.members[0], row.count) == ("gc", ["ga", "gb", "gc"], "gc", len(events))
    assert row.users == users(events)
    assert await store.members("gb") == ["gc", "ga", "gb"]
    assert [point.crashes for point in await store.points(7, DAY, FIRST, LAST, group="ga")] == [len(events)]
    listed, _, _ = await store.groups(7, FIRST, LAST)
    assert [(group.id, group.count, group.users) for group in listed] == [("gc", len(events), users(events))]
    await store.unmerge("ga")
    assert await store.group("ga") == before["ga"]
    assert await store.members("gc") == ["gc", "gb"]
    await store.unmerge("gc")
    assert {name: await store.group(name) for name in before} == before


async def test_what_no_column_can_hold_is_answered(store: Aggregates) -> None:
    assert await store.points(7, DAY, FIRST, LAST, group="a\0b", release="\ud800\0") == []
    assert await store.groups(7, FIRST, LAST, release="\0", status="\0") == ([], None, [DAY])
    assert await store.group("\0") is None
    with pytest.raises(UnknownGroup):
        await store.set_status("\0", "open", 1)
    with pytest.raises(ValueError, match="int64"):
        await store.groups(2**70, FIRST, LAST)


async def test_releases_by_sessions(store: Aggregates) -> None:
    def session(offset: int, user: int, *, crashed: bool) -> Entry:
        counts = {"sessions": 1} | ({"crashed_sessions": 1} if crashed else {})
        return Entry(offset, counts, {"session_users": user} | ({"crashed_users": user} if crashed else {}))

    entries = [session(i, i % 5, crashed=i in (0, 5)) for i in range(8)] + [session(8, 99, crashed=False)]
    crash = Entry(9, {"crashes": 1, "unhandled": 1}, {"users": 3})
    one, two, whole = Cell("c", 7, "", "v1").key(), Cell("c", 7, "", "v2").key(), Cell("c", 7).key()
    windows = {
        whole: [(MINUTE, NOON, list(range(10)))],
        one: [(MINUTE, NOON, list(range(8))), (DAY, DAY_OF, list(range(8)))],
        two: [(MINUTE, NOON + 60, [8, 9])],
    }
    await count(store, Delta(1, *Source("1.sessions", 0), 0, 9, 0, [*entries, crash], windows, {}))
    newer, older = await store.releases(7, NOON, NOON + 120)
    assert (older.release, older.sessions, older.crashed_sessions, older.crashes) == ("v1", 8, 2, 0)
    assert (older.crash_free_sessions, older.crash_free_users) == (0.75, 0.8)
    assert (older.adoption, older.first_seen) == (8 / 9, NOON * 1000)
    assert (newer.release, newer.crash_free_sessions, newer.users, newer.first_seen) == ("v2", 1, 1, (NOON + 60) * 1000)
    assert await store.releases(7, NOON, NOON + 120, only=["v1"]) == [older]
    assert await store.release_counts(7, NOON, NOON + 120) == [
        (row.release, row.crashes, row.sessions, row.first_seen) for row in (newer, older)
    ]
    series = await store.release_series(7, ["v1", "v2", "v3"], MINUTE, NOON, NOON + 120)
    assert series["v1"] == [Point(NOON, 0, 0, 0, 0, 8, 2)]
    assert series["v2"] == [Point(NOON + 60, 1, 1, 0, 1, 1, 0)]
    assert series["v3"] == []
    totals = await store.totals(7, NOON, NOON + 60)
    assert (totals["sessions"], totals["crash_free_sessions"]) == (9, 1 - 2 / 9)


async def test_releases_first_seen_in_one_window_are_ordered_by_name(store: Aggregates) -> None:
    names = ["1.9.0", "1.10.0", "1.10.0-rc.2", "1.2.0"]
    windows = {Cell("c", 7, "", name).key(): [(MINUTE, NOON, [at])] for at, name in enumerate(names)}
    entries = [Entry(at, {"crashes": 1}) for at in range(len(names))]
    await count(store, Delta(1, *Source("1.crashes", 0), 0, 3, 0, entries, windows, {}))
    found = await store.releases(7, NOON, NOON + 60)
    assert [row.release for row in found] == ["1.10.0", "1.10.0-rc.2", "1.9.0", "1.2.0"]


async def test_rows_that_miss_are_read_and_computed_again(store: Aggregates, events: list[Event]) -> None:
    """Whatever the fast copy says, PostgreSQL's row is the one that is added to."""
    fold = Fold(1, await store.progress("1.deltas", 0))
    more = [*events, *given.events(random.Random(6), 310)[300:]]
    fold.take(500, given.delta(SOURCES[0], more, 0, 1, 300, 309, 0))
    true = await store.rows(list(fold.rows))
    order = random.Random(1)
    wrong = {key: order.choice([row, Row(), Row({"crashes": 7000}, {}, 1, 77)]) for key, row in true.items()}
    written = await store.flush("1.deltas", 0, fold, wrong)
    assert written == {key: apply(true.get(key, Row()), changes) for key, changes in fold.rows.items()}
    assert await store.rows(list(fold.rows)) == written


async def test_a_server_that_is_away_is_unavailable() -> None:
    pool = asyncpg.create_pool("postgresql://nobody@127.0.0.1:1/none", min_size=0, max_size=1)
    async with pool:
        with pytest.raises(StoreUnavailable):
            await Aggregates(pool).group("g")
