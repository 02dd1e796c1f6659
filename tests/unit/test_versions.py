"""The order of releases by name."""

import random

import pytest

from app.stores.aggregates.release_order import name_key


@pytest.mark.parametrize(
    "ascending",
    [
        ["", "b", "shop@1.9.3", "shop@1.10.0", "2"],
        ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.0+5"],
        ["3.1a1", "3.1b2", "3.1rc1", "3.1", "3.1.1"],
        ["2026.2.1", "2026.10.1"],
        ["1", "1²", "1³"],
        ["v9", "v10", "v" + "9" * 40],
    ],
)
def test_names_are_ordered_by_number_and_pre_release(ascending: list[str]) -> None:
    shuffled = random.Random(3).sample(ascending, len(ascending))
    assert sorted(shuffled, key=name_key) == ascending
