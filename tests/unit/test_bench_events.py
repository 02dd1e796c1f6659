"""The reports of the bench, and the ratios that it prints."""

import pytest

from tests.bench import events
from tests.bench.ratios import Ratio


@pytest.mark.parametrize("count", [1, 99, 100, 350])
def test_the_number_of_different_reports_is_right(count: int) -> None:
    assert len({event_id for event_id, _, _ in events.bodies(count, seed=3)}) == events.different(count)


def test_reports_of_different_seeds_share_no_id() -> None:
    first, second = ({event_id for event_id, _, _ in events.bodies(100, seed)} for seed in (1, 2))
    assert not first & second


def test_a_ratio_is_printed_with_its_range() -> None:
    assert str(Ratio.of([1, 3, 8], [2, 2, 2])) == "1.50 x (0.50 to 4.00)"
