"""Rates per second from counters that only grow."""

from prometheus_client import CollectorRegistry, Counter

from app.runtime.heartbeat import RateMeter
from app.stream.metrics import totals


def test_rates_are_over_the_time_between_two_calls() -> None:
    times = iter([100.0, 105.0, 107.0])
    rates = RateMeter(lambda: next(times))
    assert rates.of({"crashes": 50}) == {"crashes": None}
    assert rates.of({"crashes": 60, "rates": 5}) == {"crashes": 2.0, "rates": 1.0}
    assert rates.of({"crashes": 60}) == {"crashes": 0.0}


def test_totals_are_summed_by_one_label() -> None:
    counter = Counter("letters", "Letters.", ["role", "code"], registry=CollectorRegistry())
    counter.labels("crashes", "a").inc(2)
    counter.labels("crashes", "b").inc(3)
    counter.labels("sessions", "a").inc()
    assert totals(counter, "role") == {"crashes": 5, "sessions": 1}
    assert totals(counter, "code") == {"a": 3, "b": 3}
