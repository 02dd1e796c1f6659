"""The entries of a batch, as one delta for each partition of ``deltas``."""

from hypothesis import given
from hypothesis import strategies as st

from agents.batch.deltas import Spread, crash_cells, crash_windows, ledger_cells, ledger_windows, session_cells
from app.cells import DAY, HOUR, LATENESS, MINUTE, Cell, environment_of, home, windows
from app.records import Delta, Entry, GroupFacts, decode_delta, encode_delta
from app.topics import Source

SOURCE = Source("1.crashes", 3)
TIMES = st.integers(1_600_000_000_000, 1_900_000_000_000)
EDGES = st.sampled_from([seconds * 1000 + extra for seconds in LATENESS.values() for extra in (-1, 0, 1)])


@given(TIMES, st.one_of(EDGES, st.integers(-60_000, 31 * DAY * 1000)))
def test_windows_from_the_cache_are_those_of_the_contract(time: int, late: int) -> None:
    assert list(crash_windows(time, time + late)) == windows(time, time + late)


def test_a_crash_counts_in_four_cells_and_without_release_in_two() -> None:
    assert set(crash_cells(7, "g", "r")) == {
        Cell("c", 7).key(),
        Cell("c", 7, "", "r").key(),
        Cell("c", 7, "g").key(),
        Cell("c", 7, "g", "r").key(),
    }
    assert set(crash_cells(7, "g", "")) == {Cell("c", 7).key(), Cell("c", 7, "g").key()}
    assert crash_cells(7, "g", "r")[0] == Cell("c", 7, "g").key(), "the first is the group's own cell"
    assert set(session_cells(7, "r")) == {Cell("c", 7).key(), Cell("c", 7, "", "r").key()}


def test_an_environment_has_cells_of_its_own_with_and_without_release_and_none_by_group() -> None:
    of_environment = {Cell("e", 7, "eu%3A 1").key(), Cell("e", 7, "eu%3A 1", "r").key()}
    assert {*crash_cells(7, "g", "r", "eu: 1")} - {*crash_cells(7, "g", "r")} == of_environment
    assert {*session_cells(7, "r", "eu: 1")} - {*session_cells(7, "r")} == of_environment
    assert crash_cells(7, "g", "", "eu")[0] == Cell("c", 7, "g").key(), "the first is the group's own cell"
    for key in of_environment:
        assert environment_of(Cell.parse(key).group) == "eu: 1"


def test_the_ledger_goes_by_the_minute_of_receipt_alone() -> None:
    assert ledger_cells(7, "error") == (Cell("l", 7, "error").key(),)
    assert ledger_windows(61_000) == ((MINUTE, 60),)


def test_every_partition_gets_the_span_and_each_cell_lives_on_its_own() -> None:
    spread = Spread(8)
    cells = crash_cells(7, "g", "shop: 1")
    spread.add(cells, crash_windows(0, 0), Entry(11, {"crashes": 1}, {"users": 5}))
    spread.add(cells, crash_windows(0, 0), Entry(12, {"crashes": 1}))
    deltas = spread.deal(SOURCE, 10, 14, 99)
    assert [(delta.topic, delta.partition, delta.first, delta.last, delta.received) for delta in deltas] == [
        ("1.crashes", 3, 10, 14, 99)
    ] * 8
    assert {cell: place for place, delta in enumerate(deltas) for cell in delta.cells} == {
        cell: home(cell, 8) for cell in cells
    }
    for delta in deltas:
        assert decode_delta(encode_delta(delta)) == delta
        for rows in delta.cells.values():
            assert {(size, start) for size, start, _ in rows} == {(MINUTE, 0), (HOUR, 0), (DAY, 0)}
            assert {offsets(delta, indices) for _, _, indices in rows} == {(11, 12)}


def test_an_entry_whose_counts_differ_by_cell_stands_once_for_each() -> None:
    spread = Spread(1)
    spread.add(crash_cells(7, "g", ""), crash_windows(0, 0), Entry(4, {"crashes": 1}))
    spread.add(ledger_cells(7, "error"), ledger_windows(0), Entry(4, {"grouped": 1}))
    (delta,) = spread.deal(SOURCE, 4, 4, 0)
    assert [(entry.offset, entry.counts) for entry in delta.entries] == [(4, {"crashes": 1}), (4, {"grouped": 1})]
    assert delta.cells[Cell("l", 7, "error").key()] == [(MINUTE, 0, [1])]


def test_records_of_different_windows_keep_apart_in_one_cell() -> None:
    spread = Spread(1)
    for offset, minute in enumerate((0, 1, 0)):
        spread.add(session_cells(7, ""), ((MINUTE, minute * 60), (DAY, 0)), Entry(offset, {"sessions": 1}))
    (delta,) = spread.deal(SOURCE, 0, 2, 0)
    rows = {(size, start): sorted(indices) for size, start, indices in delta.cells[Cell("c", 7).key()]}
    assert {key: offsets(delta, indices) for key, indices in rows.items()} == {
        (MINUTE, 0): (0, 2),
        (MINUTE, 60): (1,),
        (DAY, 0): (0, 1, 2),
    }


def test_what_is_too_late_for_every_window_adds_nothing() -> None:
    spread = Spread(1)
    spread.add(session_cells(7, ""), (), Entry(0, {"sessions": 1}))
    (delta,) = spread.deal(SOURCE, 0, 0, 5)
    assert (delta.entries, delta.cells) == ([], {})


def test_a_group_is_named_by_its_first_event_and_says_what_any_says() -> None:
    spread, cell = Spread(8), Cell("c", 7, "g").key()
    for offset, (time, unhandled) in enumerate([(50, False), (70, True), (20, False), (20, False), (60, False)]):
        if spread.is_first(cell, time):
            facts = GroupFacts(f"at {time}", "", "python", "error", "E", time, time, unhandled, "r", "e", offset, "g1")
            spread.add_group(cell, facts)
        else:
            spread.widen_group(cell, time, unhandled=unhandled)
    facts = spread.deal(SOURCE, 0, 4, 0)[home(cell, 8)].groups[cell]
    assert (facts.title, facts.sample_offset, facts.first_seen) == ("at 20", 2, 20)
    assert (facts.last_seen, facts.unhandled) == (70, True)


def offsets(delta: Delta, indices: list[int]) -> tuple[int, ...]:
    """Return the source offsets of a row's entries."""
    return tuple(sorted(delta.entries[index].offset for index in indices))
