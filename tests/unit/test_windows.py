"""Rows of windows: their bytes, the order of their keys, which of two wins, and folds of deltas."""

import random
from collections import Counter
from hashlib import blake2b
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cells import DAY, HOUR, LATENESS, MINUTE, SKEW, Cell
from app.records import Delta, Entry, GroupFacts, UnknownSchema
from app.topics import Source
from tables import latency, sketch
from tables.fold import Fold, OffsetGap, Progress, watermark
from tables.windows import (
    LATENCY,
    Row,
    Version,
    WindowKey,
    apply,
    change_of,
    decode_key,
    decode_row,
    decode_sketches,
    decode_value,
    encode_key,
    encode_row,
    encode_short,
    encode_sketches,
    expired,
    newest,
    united,
    version_of,
    weight,
)

SOURCE = Source("1.crashes", 0)
CELL = Cell("c", 7).key()
NOON = 1_700_006_400

counts = st.dictionaries(st.sampled_from(["crashes", "messages", "sessions"]), st.integers(1, 9), max_size=3)


def entry(offset: int, user: int | None = None) -> Entry:
    return Entry(offset, {"crashes": 1}, {} if user is None else {"users": user})


def delta(
    a: int,
    b: int,
    *,
    received: int = 0,
    source: Source = SOURCE,
    windows: dict[str, list[tuple[int, int]]] | None = None,
) -> Delta:
    """Every offset of the span falls into every given window."""
    entries = [entry(offset, offset) for offset in range(a, b + 1)]
    indices = list(range(len(entries)))
    cells = {
        cell: [(size, start, indices) for size, start in given]
        for cell, given in (windows or {CELL: [(MINUTE, NOON)]}).items()
        if entries
    }
    return Delta(1, source.topic, source.partition, a, b, received, entries, cells, {})


@given(st.integers(0, 2**31), st.text(max_size=12), st.sampled_from([MINUTE, HOUR, DAY]), st.integers(0, 2**33), counts)
def test_a_record_of_rates_is_read_back(
    project: int, release: str, size: int, start: int, numbers: dict[str, int]
) -> None:
    cell = Cell("c", project, "", release.encode("utf-8", "replace").decode())
    key = WindowKey(cell.key(), size, start - start % size)
    row = Row(numbers, {"users": sketch.add(b"", [1, 2])}, 3, 99)
    assert decode_key(encode_key(key)) == key
    assert decode_row(encode_key(key), encode_row(row)) == (cell, key.size, key.start, row)
    assert version_of(encode_row(row)) == Version(3, 99)
    *where, short = decode_row(encode_key(key), encode_short(row))
    assert (*where, short.counts, short.sketches) == (cell, key.size, key.start, numbers, {})
    assert (short.at, short.unique("users"), short.unique("session_users")) == (row.at, 2, 0)


def test_equal_rows_are_equal_bytes() -> None:
    one = Row({"a": 1, "b": 2}, {"x": b"1", "y": b"2"}, 1, 1)
    other = Row({"b": 2, "a": 1}, {"y": b"2", "x": b"1"}, 1, 1)
    assert encode_row(one) == encode_row(other)
    assert encode_sketches(one.sketches) == encode_sketches(other.sketches)
    assert decode_sketches(encode_sketches(one.sketches)) == one.sketches
    assert encode_sketches({}) is None
    assert decode_sketches(None) == {}


@pytest.mark.parametrize("users", [0, 1, 1000, 1200, 5000])
def test_a_short_row_weighs_about_what_its_whole_row_does(users: int) -> None:
    """A transaction is bounded by it: after a recovery the rows that it changes are short."""
    hashes = [int.from_bytes(blake2b(bytes([n % 256, n // 256])).digest()[:8], "big") for n in range(users)]
    row = Row({"crashes": 3}, {"users": sketch.add(b"", hashes), LATENCY: latency.add(b"", [7])}, 1, 5)
    whole, short = encode_row(row), encode_short(row)
    assert len(short) < 60
    assert weight(whole) == len(whole)
    assert abs(weight(short) - len(whole)) < 60


def test_a_newer_schema_is_refused() -> None:
    with pytest.raises(UnknownSchema):
        decode_value(b"\x09" + encode_row(Row())[1:])


def test_keys_stand_in_the_order_in_which_rows_leave() -> None:
    keys = [WindowKey(CELL, size, NOON - back * size) for size in (MINUTE, HOUR, DAY) for back in (0, 1, 5)]
    stored = sorted(encode_key(key) for key in keys)
    assert [decode_key(data).expires for data in stored] == sorted(key.expires for key in keys)
    leaves = NOON - 5 * MINUTE + MINUTE + LATENESS[MINUTE] + SKEW
    rows = [(data, b"") for data in stored]
    assert expired(rows, leaves * 1000 - 1, 10) == []
    assert [decode_key(data) for data in expired(rows, leaves * 1000, 10)] == [WindowKey(CELL, MINUTE, NOON - 300)]
    assert len(expired(rows, 10**15, 4)) == 4


def test_the_greatest_version_wins_whatever_came_last() -> None:
    key = encode_key(WindowKey(CELL, MINUTE, NOON))
    old, new, newer = (encode_row(Row({"crashes": v}, {}, g, v)) for g, v in ((1, 5), (1, 6), (2, 0)))
    local = {key: new}
    assert list(newest(local.get, key, old)) == []
    assert list(newest(local.get, key, new)) == [(key, new)]
    assert list(newest(local.get, key, newer)) == [(key, newer)]
    assert list(newest(local.get, key, None)) == [(key, None)]
    assert list(newest(lambda _: None, key, old)) == [(key, old)]


def test_a_row_counts_only_what_comes_after_its_version() -> None:
    changes = [change_of(Version(1, j), [entry(j, j)]) for j in range(4)]
    row = apply(Row(), changes[:2])
    assert (row.counts, row.at, row.unique("users")) == ({"crashes": 2}, Version(1, 1), 2)
    assert apply(row, changes[:2]) is row
    assert apply(row, changes) == apply(Row(), changes)


def test_united_rows_sum_counts_and_unite_users() -> None:
    rows = [
        Row({"crashes": 2}, {"users": sketch.add(b"", [1, 2])}),
        Row({"crashes": 1}, {"users": sketch.add(b"", [2])}),
    ]
    together = united((row.counts, row.sketches) for row in rows)
    assert (together.counts, together.unique("users")) == ({"crashes": 3}, 2)


def test_redelivered_spans_cut_differently_count_once() -> None:
    fold = Fold(1, {})
    for offset, (a, b) in enumerate([(0, 3), (2, 5), (0, 1), (4, 9), (10, 9), (3, 12)]):
        fold.take(offset, delta(a, b))
    row = apply(Row(), fold.rows[WindowKey(CELL, MINUTE, NOON)])
    assert row.counts == {"crashes": 13}
    assert row.unique("users") == 13
    assert fold.after == {SOURCE: Progress(12, 0)}
    assert fold.again == {WindowKey(CELL, MINUTE, NOON): Version(1, 5)}


def test_an_offset_gap_is_refused_and_changes_nothing() -> None:
    fold = Fold(1, {SOURCE: Progress(4, 0)})
    for a, b in ((6, 7), (6, 5)):
        with pytest.raises(OffsetGap, match="expected offset 5, received 6"):
            fold.take(1, delta(a, b))
    assert (fold.rows, fold.after) == ({}, {})
    fold.skip_to(SOURCE, 6)
    fold.take(1, delta(6, 7))
    assert fold.after == {SOURCE: Progress(7, 0)}


def test_the_first_span_of_a_source_is_accepted() -> None:
    fold = Fold(1, {})
    fold.take(0, delta(5, 4, received=77))
    assert fold.after == {SOURCE: Progress(4, 77)}
    fold.take(1, delta(5, 6, received=70))
    assert fold.after == {SOURCE: Progress(6, 77)}


def test_a_session_and_a_crash_of_one_partition_number_are_both_counted() -> None:
    """Progress by partition number alone would take the second source's offset 0 for counted."""
    fold = Fold(1, {})
    fold.take(0, delta(0, 0))
    fold.take(1, delta(0, 0, source=Source("1.sessions", 0)))
    fold.take(2, delta(0, 0, source=Source("2.crashes", 0)))
    assert apply(Row(), fold.rows[WindowKey(CELL, MINUTE, NOON)]).counts == {"crashes": 3}


def test_a_user_appears_in_his_own_window_only() -> None:
    """One sketch a delta for several windows would show the user of 0-10 also in 10-20."""
    entries = [entry(0, 11), entry(1, 22)]
    cells = {CELL: [(MINUTE, NOON, [0]), (MINUTE, NOON + 60, [1]), (HOUR, NOON, [0, 1])]}
    fold = Fold(1, {})
    fold.take(0, Delta(1, *SOURCE, 0, 1, 0, entries, cells, {}))
    rows = {key: apply(Row(), changes) for key, changes in fold.rows.items()}
    assert rows[WindowKey(CELL, MINUTE, NOON)].sketches == {"users": sketch.add(b"", [11])}
    assert rows[WindowKey(CELL, MINUTE, NOON + 60)].sketches == {"users": sketch.add(b"", [22])}
    assert rows[WindowKey(CELL, HOUR, NOON)].sketches == {"users": sketch.add(b"", [11, 22])}


def test_the_watermark_is_the_least_of_all_configured_sources() -> None:
    other = Source("1.sessions", 1)
    progress = {SOURCE: Progress(3, 500)}
    assert watermark(progress, [SOURCE, other]) is None
    assert watermark({**progress, other: Progress(-1, 400)}, [SOURCE, other]) == 400


def test_groups_say_what_their_first_event_and_any_delta_said() -> None:
    def facts(title: str, first: int, last: int, *, unhandled: bool) -> GroupFacts:
        return GroupFacts(title, "f", "python", "error", "E", first, last, unhandled, "r1", "e", 0, "g1")

    key = Cell("c", 7, "g").key()
    fold = Fold(1, {})
    given = [
        facts("one", 50, 60, unhandled=False),
        facts("two", 40, 55, unhandled=True),
        facts("x", 1, 999, unhandled=True),
    ]
    for offset, (a, fact) in enumerate(zip((0, 1, 0), given, strict=True)):
        fold.take(offset, Delta(1, *SOURCE, a, a, 0, [entry(a)], {key: [(DAY, 0, [0])]}, {key: fact}))
    found = fold.groups[key]
    assert (found.facts.title, found.facts.first_seen, found.last_seen, found.unhandled) == ("two", 40, 60, True)
    assert found.begun_by == (given[0], SOURCE)


def test_the_first_event_of_a_group_does_not_depend_on_the_order_of_sources() -> None:
    key = Cell("c", 7, "g").key()
    places = [(40, 1, 5), (40, 0, 9), (39, 3, 2), (39, 2, 7), (41, 4, 0)]  # time, partition, offset
    for order in permutations(places):
        fold = Fold(1, {})
        for at, (time, partition, offset) in enumerate(order):
            facts = GroupFacts("t", "f", "python", "error", "E", time, time, False, "r", "e", offset, "g1")
            source = Source("1.crashes", partition)
            fold.take(at, Delta(1, *source, offset, offset, 0, [entry(offset)], {key: [(DAY, 0, [0])]}, {key: facts}))
        found = fold.groups[key]
        assert (found.facts.first_seen, found.source.partition, found.facts.sample_offset) == (39, 2, 7)


def test_when_a_release_was_seen_does_not_depend_on_the_cut() -> None:
    cell = Cell("c", 7, "", "v1").key()
    entries = [entry(0), entry(1), entry(2)]
    day = NOON - NOON % DAY
    windows = [(MINUTE, NOON, [0]), (MINUTE, NOON + 120, [1]), (HOUR, NOON, [0, 1]), (DAY, day, [0, 1, 2])]
    whole, halves = Fold(1, {}), Fold(1, {})
    whole.take(0, Delta(1, *SOURCE, 0, 2, 0, entries, {cell: windows}, {}))
    for i in range(3):
        own = [(size, start, [0]) for size, start, indices in windows if i in indices]
        halves.take(i, Delta(1, *SOURCE, i, i, 0, [entries[i]], {cell: own}, {}))
    assert whole.releases == halves.releases == {(7, "v1"): (day * 1000, (NOON + 120) * 1000)}


@pytest.mark.parametrize("seed", range(20))
def test_any_cut_and_redelivery_equals_counting_once(seed: int) -> None:
    order = random.Random(seed)
    spots = {offset: order.randrange(4) for offset in range(60)}
    truth = Counter(spots.values())
    fold, position, j = Fold(1, {}), 0, 0
    rows: dict[WindowKey, Row] = {}
    while position < 60:
        a = order.randint(max(0, position - 9), position)
        b = min(59, a + order.randrange(12))
        entries = [entry(offset) for offset in range(a, b + 1)]
        where: dict[int, list[int]] = {}
        for i, each in enumerate(entries):
            where.setdefault(spots[each.offset], []).append(i)
        cells = {CELL: [(MINUTE, NOON + 60 * spot, indices) for spot, indices in where.items()]}
        fold.take(j, Delta(1, *SOURCE, a, b, 0, entries, cells, {}))
        position, j = max(position, b + 1), j + 1
        if order.random() < 0.3:
            rows |= {key: apply(rows.get(key, Row()), changes) for key, changes in fold.rows.items()}
            fold = Fold(1, {**fold.before, **fold.after})
    rows |= {key: apply(rows.get(key, Row()), changes) for key, changes in fold.rows.items()}
    assert {(key.start - NOON) // 60: row.counts["crashes"] for key, row in rows.items()} == dict(truth)
