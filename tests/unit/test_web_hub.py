"""Watchers of live numbers: the newest of each window, and never more than is bounded."""

from app.stores.aggregates.types import Point
from app.web.live.hub import PENDING, Change, Client, point
from tables import sketch
from tables.windows import Row


def _change(start: int, crashes: int) -> Change:
    return Change(60, "", "", Point(start, crashes, 0, 0, 0, None, None))


def test_the_newest_of_a_window_is_told_once() -> None:
    client = Client(1)
    for crashes in (1, 2, 3):
        client.offer(_change(60, crashes))
    assert client.wake.is_set()
    assert [change.point.crashes for change in client.take()] == [3]
    assert client.take() == []
    assert not client.wake.is_set()


def test_a_slow_reader_is_told_to_read_anew_and_costs_no_more() -> None:
    client = Client(1)
    for start in range(PENDING * 3):
        client.offer(_change(start, 1))
    assert client.reset
    assert len(client.take()) <= PENDING


def test_a_row_of_the_log_becomes_a_point() -> None:
    row = Row({"crashes": 3, "unhandled": 1, "sessions": 9}, {"users": sketch.add(sketch.EMPTY, [1, 2])})
    assert point(60, row) == Point(60, 3, 1, 0, 2, 9, 0)
