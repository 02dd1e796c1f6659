"""What whole installations are measured with is counted by what these say."""

import pytest

from tests.bench import events
from tests.bench.ratios import Ratio


@pytest.mark.parametrize("count", [1, 99, 100, 350])
def test_as_many_reports_differ_as_is_said(count: int) -> None:
    assert len({event_id for event_id, _, _ in events.bodies(count, seed=3)}) == events.different(count)


def test_reports_of_other_seeds_are_others() -> None:
    one, other = ({event_id for event_id, _, _ in events.bodies(100, seed)} for seed in (1, 2))
    assert not one & other


def test_a_ratio_is_told_with_its_range() -> None:
    assert str(Ratio.of([1, 3, 8], [2, 2, 2])) == "1.50 x (0.50 to 4.00)"
