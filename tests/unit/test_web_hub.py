"""Subscribers of live numbers: the newest of each window, in bounded memory."""

from app.stores.aggregates.types import Point
from app.web.live.hub import PENDING, Subscriber, WindowUpdate, point_of
from tables import sketch
from tables.windows import Row


def _update(start: int, crashes: int) -> WindowUpdate:
    return WindowUpdate(60, "", "", Point(start, crashes, 0, 0, 0, None, None))


def test_only_the_newest_update_of_a_window_is_kept() -> None:
    subscriber = Subscriber(1)
    for crashes in (1, 2, 3):
        subscriber.offer(_update(60, crashes))
    assert subscriber.wake.is_set()
    assert [update.point.crashes for update in subscriber.drain()] == [3]
    assert subscriber.drain() == []
    assert not subscriber.wake.is_set()


def test_a_slow_reader_is_reset_and_its_memory_stays_bounded() -> None:
    subscriber = Subscriber(1)
    for start in range(PENDING * 3):
        subscriber.offer(_update(start, 1))
    assert subscriber.reset
    assert len(subscriber.drain()) <= PENDING


def test_a_row_of_the_log_is_read_as_a_point() -> None:
    counts = {"crashes": 4, "unhandled": 1, "handled": 1, "sessions": 9, "unhandled_sessions": 5}
    row = Row(counts, {"users": sketch.add(sketch.EMPTY, [1, 2])})
    assert point_of(60, row) == Point(60, 4, 1, 0, 2, 9, 0, 5, 2)
