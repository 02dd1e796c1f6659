"""The rates agent on a real PostgreSQL: redelivered, killed, stale or woken late, it counts each offset once."""

import random
from collections.abc import AsyncIterator
from typing import NamedTuple

import asyncpg
import pytest

from agents.rates import Rates
from app.cells import DAY, HOUR, LATENESS, MINUTE, SIZES, SKEW, Cell, home
from app.errors import MissingOffsets
from app.log.batch import Claim
from app.log.contract import Record
from app.model import Address
from app.stores.aggregates import hashes
from app.stores.aggregates.flush import Fenced, Pace
from app.stores.aggregates.rows import read_rows
from app.stores.aggregates.types import GroupsQuery, PointsQuery, ReleasesQuery, TotalsQuery
from app.stores.errors import StoreUnavailable
from app.topics import Source
from tables.fold import Fold, Progress
from tables.windows import Row, Version, WindowKey, decode_value, encode_key, encode_row, encode_short
from tests.agents.rates_parts import CELL, KEY, SOURCE, Killed, Starts, Store, Table, agent, crashes, one, stored
from tests.support import rates_truth as given
from tests.support.rates_truth import NOON, SOURCES, TOPIC


@pytest.fixture
async def pool(database: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    async with asyncpg.create_pool(database, min_size=1, max_size=3) as opened:
        yield opened


@pytest.fixture
def store(pool: "asyncpg.Pool[asyncpg.Record]") -> Store:
    made = Store(pool)
    made.fail = []
    return made


@pytest.mark.parametrize("least", [0, 24, hashes.LEAST_BYTES])
@pytest.mark.parametrize("seed", range(8))
async def test_any_schedule_equals_counting_directly(
    store: Store, seed: int, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random cuts, redeliveries, kills at every step, stores kept, old or lost: every window as computed directly.

    Users are written with their rows or appended, and then folded at once, sometimes, or not before all are read.
    """
    order = random.Random(seed)
    monkeypatch.setattr(hashes, "LEAST_BYTES", least)
    store._pace = order.choice([Pace(), Pace(1e9, 300), Pace(1e9, 1 << 30)])
    partitions = 2
    everything = {source: given.events(order, 60) for source in SOURCES}
    published: dict[bytes, bytes] = {}
    for d in range(partitions):
        published |= await _run(order, store, given.log_of(order, everything, d, partitions), d)
    expected = given.truth(everything)
    rows = await store.rows(list(expected))
    assert {key: (row.counts["crashes"], row.sketches["users"]) for key, row in rows.items()} == expected
    await check_reads(store, rows)
    assert published == {encode_key(key): encode_short(row) for key, row in rows.items()}
    assert await _groups(store) == _expected(everything)


async def check_reads(store: Store, rows: dict[WindowKey, Row]) -> None:
    """Compare what pages read of the day, of all and of each release, with the rows."""
    day = NOON - NOON % DAY
    of_project = {key: row for key, row in rows.items() if not Cell.parse(key.cell).group}
    for release in {Cell.parse(key.cell).release for key in of_project}:
        mine = {(k.size, k.start): row for k, row in of_project.items() if Cell.parse(k.cell).release == release}
        for size in SIZES:
            asked = PointsQuery(project=7, size=size, start=day, end=day + DAY, release=release)
            points = {(size, point.start): point.users for point in await store.points(asked)}
            assert points == {key: row.unique("users") for key, row in mine.items() if key[0] == size}
        totals = await store.totals(TotalsQuery(project=7, start=day, end=day + DAY, release=release))
        assert totals.users == mine[DAY, day].unique("users")
    listed = await store.releases(ReleasesQuery(project=7, start=day, end=day + DAY))
    days = {Cell.parse(key.cell).release: row for key, row in of_project.items() if key.size == DAY}
    assert {row.release: row.users for row in listed} == {
        name: row.unique("users") for name, row in days.items() if name
    }


async def _run(order: random.Random, store: Store, records: list[Record], d: int) -> dict[bytes, bytes]:
    """Read one partition to its end through any number of deaths; return the last record of each key of ``rates``."""
    table, epoch, committed = Table(), 0, 0
    old: dict[bytes, bytes] = {}
    rates = agent(table, store)
    steps = ["before the transaction", "after the transaction", "before publishing", "after publishing"]
    while committed < len(records):
        batch = next(given.batches(order, records, committed))
        step = order.choice([*steps, *[""] * 6])
        (store.fail if "transaction" in step else table.fail).append(step)
        try:
            await rates.handle(batch, Claim(d, epoch))
        except (Killed, StoreUnavailable):
            if order.random() < 0.5:
                continue  # the loop tries again
            table.restart(local=order.choice([{}, old, table.local]))
            store.fail.clear()
            rates, epoch = agent(table, store), epoch + 1
            continue
        finally:
            store.fail.clear()
            table.fail.clear()
        if order.random() < 0.2:
            old = dict(table.local)
        if order.random() < 0.8:  # else killed before the commit: the batch comes again, cut otherwise
            committed = batch.last + 1
    table.restart(local={})
    return table.local


class Life(NamedTuple):
    """When a group was seen (ms), and what its first event says."""

    first_seen: int
    last_seen: int
    title: str
    release: str
    sample: Address


async def _groups(store: Store) -> dict[str, Life]:
    rows, _, _ = await store.groups(GroupsQuery(project=7, start=NOON - DAY, end=NOON + DAY))
    return {row.id: Life(row.first_seen, row.last_seen, row.title, row.first_release, row.sample) for row in rows}


def _expected(everything: dict[Source, list[given.Event]]) -> dict[str, Life]:
    """Return the lives of all groups, whose first event is the least by time and address."""
    found: dict[str, list[tuple[int, Source, given.Event]]] = {}
    for source, event in ((source, event) for source, events in everything.items() for event in events):
        found.setdefault(event.group, []).append((event.time * 1000, source, event))
    lives = {}
    for name, own in found.items():
        first, source, event = min(own)
        address = Address(source.topic, source.partition, event.offset)
        lives[name] = Life(first, max(own)[0], f"{name} at {event.offset}", event.release, address)
    return lives


async def test_spans_again_and_cut_differently(store: Store) -> None:
    rates = agent(Table(), store)
    await rates.handle(given.batch([one(0, 0, 3), one(1, 2, 5)]), Claim(0, 1))
    await rates.handle(given.batch([one(1, 2, 5), one(2, 0, 8), one(3, 9, 8), one(4, 9, 9)]), Claim(0, 1))
    assert await crashes(store) == 10
    row = await stored(store)
    assert row is not None
    assert row.unique("users") == 10


async def test_killed_between_transaction_and_publishing(store: Store) -> None:
    """The redelivered delta is skipped, and its rows are published from PostgreSQL."""
    table = Table()
    table.fail = ["before publishing"]
    with pytest.raises(Killed):
        await agent(table, store).handle(given.batch([one(0, 0, 3)]), Claim(0, 1))
    assert table.changelog == []
    table.restart(local={})
    await agent(table, store).handle(given.batch([one(0, 0, 3)]), Claim(0, 2))
    assert await crashes(store) == 4
    assert decode_value(table.local[encode_key(KEY)]) == await stored(store)
    published = len(table.changelog)
    await agent(table, store).handle(given.batch([one(0, 0, 3)]), Claim(0, 3))
    assert len(table.changelog) == published


async def test_a_transaction_of_unknown_outcome_counts_once(store: Store) -> None:
    rates = agent(Table(), store)
    await rates.handle(given.batch([one(0, 0, 0)]), Claim(0, 1))
    store.fail = ["after the transaction"]
    with pytest.raises(StoreUnavailable):
        await rates.handle(given.batch([one(1, 1, 3)]), Claim(0, 1))
    await rates.handle(given.batch([one(1, 1, 3), one(2, 4, 4)]), Claim(0, 1))
    assert await crashes(store) == 5


async def test_a_stale_or_lost_table_costs_a_read_never_a_count(store: Store) -> None:
    table = Table()
    await agent(table, store).handle(given.batch([one(0, 0, 1)]), Claim(0, 1))
    stale = dict(table.local)
    await agent(table, store).handle(given.batch([one(1, 2, 3)]), Claim(0, 2))
    for epoch, local in enumerate(({}, stale), 3):
        table.local = dict(local)
        await agent(table, store).handle(given.batch([one(epoch, epoch + 1, epoch + 1)]), Claim(0, epoch))
    assert await crashes(store) == 6
    assert decode_value(table.local[encode_key(KEY)]).counts == {"crashes": 6}


async def test_a_table_that_is_ahead_of_postgresql_is_not_trusted(store: Store) -> None:
    table = Table()
    rates = agent(table, store)
    await rates.handle(given.batch([one(0, 0, 1)]), Claim(0, 1))
    ahead = Row({"crashes": 500}, {}, 1, 9)
    table.write(encode_key(KEY), encode_row(ahead))
    await rates.handle(given.batch([one(1, 2, 2)]), Claim(0, 1))
    assert await crashes(store) == 3


async def test_another_owner_is_fatal_and_changes_nothing(store: Store) -> None:
    zombie, owner = agent(Table(), store), agent(Table(), store)
    await zombie.handle(given.batch([one(0, 0, 1)]), Claim(0, 1))
    await owner.handle(given.batch([one(0, 0, 1), one(1, 2, 4)]), Claim(0, 2))
    with pytest.raises(Fenced):
        await zombie.handle(given.batch([one(1, 2, 4)]), Claim(0, 1))
    assert await crashes(store) == 5
    assert await store.progress(TOPIC, 0) == {SOURCE: Progress(4, 0)}


async def test_two_owners_of_a_fresh_partition(store: Store) -> None:
    first, second = Fold(1, {}), Fold(1, {})
    for fold in (first, second):
        fold.take(0, given.delta(SOURCE, given.events(random.Random(1), 3), 0, 1, 0, 2, 0))
    await store.flush(TOPIC, 0, first, {})
    with pytest.raises(Fenced):
        await store.flush(TOPIC, 0, second, {})


async def test_an_offset_gap_is_fatal_unless_retention_made_it(store: Store) -> None:
    rates = agent(Table(), store, start=3)
    await rates.handle(given.batch([one(0, 0, 1)]), Claim(0, 1))
    with pytest.raises(MissingOffsets):
        await rates.handle(given.batch([one(1, 4, 4)]), Claim(0, 1))
    assert await crashes(store) == 2
    await rates.handle(given.batch([one(1, 3, 4)]), Claim(0, 1))
    assert await crashes(store) == 4


async def test_an_empty_span_moves_the_watermark_alone(store: Store) -> None:
    table = Table()
    rates = agent(table, store)
    await rates.handle(given.batch([one(0, 0, 1, received=5000), one(1, 2, 1, received=9000)]), Claim(0, 1))
    assert await store.progress(TOPIC, 0) == {SOURCE: Progress(1, 9000)}
    await rates.handle(given.batch([one(2, 2, 1, received=8000)]), Claim(0, 1))
    assert await store.progress(TOPIC, 0) == {SOURCE: Progress(1, 9000)}
    assert len(table.changelog) == 1


async def test_rows_leave_the_table_by_the_least_watermark_only(store: Store) -> None:
    """A watermark moved by one source or cell would drop the on-time events of the others."""
    table = Table()
    rates = agent(table, store)
    passed = (NOON + MINUTE + LATENESS[MINUTE] + SKEW) * 1000
    hour = WindowKey(CELL, HOUR, NOON - NOON % HOUR)
    await rates.handle(given.batch([one(0, 0, 0), one(1, 1, 1, key=hour)]), Claim(0, 1))
    others = [one(2 + i, 0, -1, source=source, received=passed) for i, source in enumerate(SOURCES[1:])]
    await rates.handle(given.batch([*others, one(5, 2, 1, received=passed - 1)]), Claim(0, 1))
    assert encode_key(KEY) in table.local
    await rates.handle(given.batch([one(6, 2, 1, received=passed)]), Claim(0, 1))
    assert encode_key(KEY) not in table.local
    assert encode_key(hour) in table.local
    assert (encode_key(KEY), None) in table.changelog
    await rates.handle(given.batch([one(7, 2, 2, received=passed + 60_000)]), Claim(0, 1))
    assert await crashes(store) == 2, "an expired row is read back, not made anew"


async def test_a_later_generation_is_newer_whatever_its_offsets(
    store: Store, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    table = Table()
    await agent(table, store).handle(given.batch([one(70, 0, 1)]), Claim(0, 1))
    moved = Rates(table, lambda: store, lambda: Starts(0), lambda: SOURCES, 2)
    record = one(0, 0, 2, source=Source("2.crashes", 0))
    after = Record("2.deltas", 0, 0, None, record.value, {}, 0)
    await moved.handle(given.batch([after]), Claim(0, 2))
    async with pool.acquire() as connection:
        row = (await read_rows(connection, [KEY]))[KEY]
    assert (row.counts["crashes"], row.at) == (5, Version(2, 0))


def test_cells_of_the_truth_live_on_both_partitions() -> None:
    cells = {cell for event in given.events(random.Random(0), 60) for cell in event.cells()}
    assert {home(cell, 2) for cell in cells} == {0, 1}
