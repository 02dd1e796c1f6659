"""Which sketches are appended to, when hashes are folded, and what a reader unites."""

import msgspec
import pytest

from app.cells import DAY, HOUR, MINUTE, Cell
from app.stores.aggregates import flush
from app.stores.aggregates.flush import Pace
from app.stores.aggregates.hashes import LEAST_BYTES, Pending, is_appended
from app.stores.aggregates.ranges import WindowRange
from tables import sketch
from tables.windows import LATENCY, Row, WindowKey

LARGE = Row({}, {"users": sketch.add(b"", range(LEAST_BYTES // 8))})
SMALL = Row({}, {"users": sketch.add(b"", range(LEAST_BYTES // 8 - 1))})


def key(cell: Cell, size: int = DAY, start: int = 0) -> WindowKey:
    return WindowKey(cell.key(), size, start)


@pytest.mark.parametrize(
    ("cell", "appended"),
    [
        (Cell("c", 7), True),
        (Cell("c", 7, "", "v: 1"), True),
        (Cell("e", 7, "staging"), True),
        (Cell("e", 7, "staging", "v1"), True),
        (Cell("c", 7, "g"), False),
        (Cell("c", 7, "g", "v1"), False),
        (Cell("t", 7, "page /"), False),
        (Cell("l", 7, "error"), False),
    ],
)
def test_large_sketches_of_projects_releases_and_environments_are_appended_to(cell: Cell, *, appended: bool) -> None:
    assert is_appended(key(cell), LARGE) is appended
    assert not is_appended(key(cell), SMALL)
    assert not is_appended(key(cell), Row())


def test_durations_are_no_set_and_never_appended() -> None:
    row = msgspec.structs.replace(LARGE, sketches=LARGE.sketches | {LATENCY: b"\x81\x07\x01"})
    assert not is_appended(key(Cell("c", 7)), row)


def test_hashes_are_folded_after_a_time_or_an_amount_and_first_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(flush, "monotonic", lambda: now)
    pace = Pace(10, 1000)
    assert pace.is_due(0), "an earlier process may have left some"
    pace.folded(0)
    pace.appended(0, 1000)
    assert not pace.is_due(0)
    assert pace.is_due(1), "each partition has its own pace"
    pace.appended(0, 1)
    assert pace.is_due(0)
    pace.folded(0)
    assert not pace.is_due(0)
    now += 10
    assert pace.is_due(0)
    assert Pace().is_due(0)


def test_a_row_is_united_with_what_waits_for_it_alone() -> None:
    mine, other = key(Cell("c", 7), HOUR, 3600), key(Cell("c", 7), HOUR, 7200)
    cells = {mine.cell: [("users", sketch.add(b"", [1, 2]), [(HOUR, 3600), (MINUTE, 3600)])]}
    pending = Pending([msgspec.msgpack.encode(cells), msgspec.msgpack.encode(cells)])
    row = Row({"crashes": 3}, {"users": sketch.add(b"", [2, 3])}, 1, 9)
    whole = pending.with_sketches(mine, row)
    assert (whole.counts, whole.at, whole.unique("users")) == (row.counts, row.at, 3)
    assert pending.with_sketches(other, row) is row
    windows = [WindowRange(HOUR, 3600, 7200), WindowRange(MINUTE, 0, 3600)]
    found = pending.within("c", "", windows)
    assert {name: [(start, gained.unique("users")) for start, gained in rows] for name, rows in found.items()} == {
        "": [(3600, 2)]
    }
    assert pending.within("e", "", windows) == {}
