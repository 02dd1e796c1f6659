"""The aggregates store: every number of the API equals the same number counted directly from the events."""

import base64
import random
from collections.abc import AsyncIterator, Callable, Iterable

import asyncpg
import msgspec
import pytest

from app.cells import DAY, HOUR, MINUTE, Cell, environment_group
from app.records import Delta, Entry
from app.stores.aggregates.decisions import UnknownGroup
from app.stores.aggregates.ranges import cover, outward
from app.stores.aggregates.store import Aggregates
from app.stores.aggregates.types import (
    EnvironmentCounts,
    GroupSort,
    GroupsQuery,
    Point,
    PointsQuery,
    RangeQuery,
    ReleaseCounts,
    ReleasesQuery,
    TotalsQuery,
)
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
    """Count 300 events of project 7."""
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
    sessions = None if group else 0
    expected = [
        Point(
            start=at, crashes=len(inside), unhandled=0, messages=0, users=users(inside), sessions=sessions,
            crashed_sessions=sessions, unhandled_sessions=sessions, not_said=len(inside),
        )
        for at in starts
        for inside in [within(own, at, at + size)]
    ]  # fmt: skip
    query = PointsQuery(project=7, size=size, start=start, end=end, group=group, release=release)
    assert await store.points(query) == expected


@pytest.mark.parametrize(("start", "end"), [(NOON, NOON + 60), (NOON + 540, NOON + 4080), (FIRST, LAST)])
async def test_totals(store: Aggregates, events: list[Event], start: int, end: int) -> None:
    own = within(events, start, end)
    totals = await store.totals(TotalsQuery(project=7, start=start, end=end))
    assert (totals.crashes, totals.users, totals.sessions) == (len(own), users(own), 0)
    assert totals.crash_free_sessions is None
    assert totals.sizes == sorted({windows.size for windows in cover(start, end)})
    in_group = [event for event in own if event.group == "ga"]
    totals = await store.totals(TotalsQuery(project=7, start=start, end=end, group="ga"))
    assert (totals.crashes, totals.users, totals.sessions) == (len(in_group), users(in_group), None)


async def test_groups_are_sorted_and_paged(store: Aggregates, events: list[Event]) -> None:
    start, end = NOON + 540, NOON + 2100
    own = {name: [e for e in within(events, start, end) if e.group == name] for name in ("ga", "gb", "gc")}
    life = {name: [event.time * 1000 for event in events if event.group == name] for name in own}
    recent = {name: len(within(own[name], end - 300, end)) for name in own}
    before = {name: len([e for e in within(events, 2 * start - end, start) if e.group == name]) for name in own}
    rank: dict[GroupSort, Callable[[str], int]] = {
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
        query = GroupsQuery(project=7, start=start, end=end, sort=sort, limit=2)
        rows, cursor, sizes = await store.groups(query)
        assert cursor is not None
        more, end_cursor, _ = await store.groups(msgspec.structs.replace(query, cursor=cursor))
        assert (end_cursor, sizes) == (None, [MINUTE])
        rows += more
        assert [row.id for row in rows] == sorted(own, key=lambda name: (value(name), name), reverse=True)
        assert {row.id: (row.count, row.users) for row in rows} == {n: (len(e), users(e)) for n, e in own.items()}
        assert {row.id: (row.first_seen, row.last_seen) for row in rows} == {
            n: (min(t), max(t)) for n, t in life.items()
        }
        assert {row.id: (row.recent, row.before) for row in rows} == {n: (recent[n], before[n]) for n in own}


async def test_an_unknown_sort_or_cursor_is_refused(store: Aggregates) -> None:
    query = GroupsQuery(project=7, start=FIRST, end=LAST)
    with pytest.raises(ValueError, match=r"expected one of last_seen.*received 'size'"):
        await store.groups(msgspec.structs.replace(query, sort="size"))
    huge = base64.urlsafe_b64encode(b'[1e30,"a"]').decode()
    odd = base64.urlsafe_b64encode(b'[1,"\\u0000"]').decode()
    for bad in ("x", "eyJ9", "!!", huge, odd):
        with pytest.raises(ValueError, match="cursor"):
            await store.groups(msgspec.structs.replace(query, cursor=bad))


async def test_groups_of_a_release(store: Aggregates, events: list[Event]) -> None:
    rows, _, sizes = await store.groups(GroupsQuery(project=7, start=FIRST, end=LAST, release="v1"))
    assert sizes == [DAY]
    assert {row.id: row.count for row in rows} == {
        name: len([e for e in events if e.group == name and e.release == "v1"]) for name in ("ga", "gb", "gc")
    }
    assert await store.groups(GroupsQuery(project=8, start=FIRST, end=LAST)) == ([], None, [DAY])


async def test_a_group_over_its_life(store: Aggregates, events: list[Event]) -> None:
    row = await store.group("ga")
    own = [event for event in events if event.group == "ga"]
    assert row is not None
    assert (row.count, row.users, row.messages, row.members) == (len(own), users(own), 0, ["ga"])
    first = min(own, key=lambda event: (event.time, event.offset))
    assert row.sample == (SOURCES[0].topic, 0, first.offset)
    assert row.first_release == first.release
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
    points = await store.points(PointsQuery(project=7, size=DAY, start=FIRST, end=LAST, group="ga"))
    assert [point.crashes for point in points] == [len(events)]
    listed, _, _ = await store.groups(GroupsQuery(project=7, start=FIRST, end=LAST))
    assert [(group.id, group.count, group.users) for group in listed] == [("gc", len(events), users(events))]
    await store.unmerge("ga")
    assert await store.group("ga") == before["ga"]
    assert await store.members("gc") == ["gc", "gb"]
    await store.unmerge("gc")
    assert {name: await store.group(name) for name in before} == before


async def test_values_that_no_column_can_hold(store: Aggregates) -> None:
    points = PointsQuery(project=7, size=DAY, start=FIRST, end=LAST, group="a\0b", release="\ud800\0")
    assert await store.points(points) == []
    groups = GroupsQuery(project=7, start=FIRST, end=LAST, release="\0", status="\0")
    assert await store.groups(groups) == ([], None, [DAY])
    assert await store.group("\0") is None
    with pytest.raises(UnknownGroup):
        await store.set_status("\0", "open", 1)
    with pytest.raises(ValueError, match="int64"):
        await store.groups(GroupsQuery(project=2**70, start=FIRST, end=LAST))


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
    query = ReleasesQuery(project=7, start=NOON, end=NOON + 120)
    newer, older = await store.releases(query)
    assert (older.release, older.sessions, older.crashed_sessions, older.crashes) == ("v1", 8, 2, 0)
    assert (older.crash_free_sessions, older.crash_free_users) == (0.75, 0.8)
    assert (older.adoption, older.first_seen) == (8 / 9, NOON * 1000)
    assert (newer.release, newer.crash_free_sessions, newer.users, newer.first_seen) == ("v2", 1, 1, (NOON + 60) * 1000)
    first_only = msgspec.structs.replace(query, only=["v1"])
    assert await store.releases(first_only) == [older]
    counts = [ReleaseCounts(row.release, row.crashes, row.sessions, row.first_seen) for row in (newer, older)]
    assert await store.release_counts(query) == counts
    assert await store.release_counts(first_only) == counts[1:]
    points = {
        name: await store.points(PointsQuery(project=7, size=MINUTE, start=NOON, end=NOON + 120, release=name))
        for name in ("v1", "v2", "v3")
    }
    assert points == {
        "v1": [_point(NOON, sessions=8, crashed_sessions=2)],
        "v2": [_point(NOON + 60, crashes=1, unhandled=1, users=1, sessions=1)],
        "v3": [],
    }
    totals = await store.totals(TotalsQuery(project=7, start=NOON, end=NOON + 60))
    assert (totals.sessions, totals.crash_free_sessions) == (9, 1 - 2 / 9)


async def test_environments_have_numbers_of_their_own_by_release_too(store: Aggregates) -> None:
    crashed = {"sessions": 1, "crashed_sessions": 1}
    entries = [Entry(0, {"crashes": 1}, {"users": 3}), Entry(1, {"sessions": 1}), Entry(2, crashed)]
    cells = {
        Cell("c", 7): [0, 1, 2], Cell("c", 7, "", "v1"): [0, 1, 2],
        Cell("e", 7, environment_group("eu: 1")): [0, 1], Cell("e", 7, environment_group("eu: 1"), "v1"): [0, 1],
        Cell("e", 7, "staging"): [2], Cell("e", 7, "staging", "v1"): [2],
    }  # fmt: skip
    windows = {cell.key(): [(MINUTE, NOON, of)] for cell, of in cells.items()}
    await count(store, Delta(1, *Source("1.sessions", 0), 0, 2, 0, entries, windows, {}))
    assert await store.environments(RangeQuery(project=7, start=NOON, end=NOON + 60)) == [
        EnvironmentCounts("eu: 1", 1, 1, 0), EnvironmentCounts("staging", 0, 1, 1),
    ]  # fmt: skip
    assert await store.environments(RangeQuery(project=8, start=NOON, end=NOON + 60)) == []
    points = PointsQuery(project=7, start=NOON, end=NOON + 60, size=MINUTE, environment="eu: 1")
    sums = TotalsQuery(project=7, start=NOON, end=NOON + 60, environment="staging")
    for name in ("", "v1"):
        (point,) = await store.points(msgspec.structs.replace(points, release=name))
        assert point == _point(NOON, crashes=1, users=1, sessions=1, not_said=1)
        totals = await store.totals(msgspec.structs.replace(sums, release=name))
        assert (totals.crashes, totals.sessions, totals.crash_free_sessions) == (0, 1, 0)
    assert (await store.totals(msgspec.structs.replace(sums, environment="nowhere"))).sessions == 0
    releases = ReleasesQuery(project=7, start=NOON, end=NOON + 60, environment="eu: 1")
    (row,) = await store.releases(releases)
    assert (row.release, row.crashes, row.sessions, row.adoption, row.first_seen) == ("v1", 1, 1, 1, NOON * 1000)
    (found,) = await store.release_counts(msgspec.structs.replace(releases, environment="staging"))
    assert (found.release, found.crashes, found.sessions) == ("v1", 0, 1)
    assert await store.releases(msgspec.structs.replace(releases, only=["v2"])) == []
    with pytest.raises(ValueError, match="no windows are kept of a group in one environment"):
        await store.totals(msgspec.structs.replace(sums, group="ga"))


def _point(start: int, **numbers: int) -> Point:
    names = ("crashes", "unhandled", "messages", "users", "sessions", "crashed_sessions", "unhandled_sessions")
    return Point(start=start, **(dict.fromkeys(names, 0) | numbers))


async def test_releases_first_seen_in_one_window_are_ordered_by_name(store: Aggregates) -> None:
    names = ["1.9.0", "1.10.0", "1.10.0-rc.2", "1.2.0"]
    windows = {Cell("c", 7, "", name).key(): [(MINUTE, NOON, [at])] for at, name in enumerate(names)}
    entries = [Entry(at, {"crashes": 1}) for at in range(len(names))]
    await count(store, Delta(1, *Source("1.crashes", 0), 0, 3, 0, entries, windows, {}))
    rows = await store.releases(ReleasesQuery(project=7, start=NOON, end=NOON + 60))
    assert [row.release for row in rows] == ["1.10.0", "1.10.0-rc.2", "1.9.0", "1.2.0"]


async def test_rows_that_miss_are_read_and_computed_again(store: Aggregates, events: list[Event]) -> None:
    """Changes are added to PostgreSQL's row, whatever the fast copy holds."""
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
