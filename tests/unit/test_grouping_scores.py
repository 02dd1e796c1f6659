"""The grouping against labelled crashes: what it reached must not be lost."""

import pytest

from tests.bench.grouping_scores import SHARED, available, labelled, paired

pytestmark = pytest.mark.skipif(not available(), reason=f"no labelled crashes at {SHARED}: set FAULTLINE_SHARED")


@pytest.mark.parametrize(
    ("names", "least"),
    [(("defects4j",), 0.93), (("casr-gdb",), 0.99), (("casr-asan",), 0.99), (("casr-python",), 0.99)],
)
def test_bugs_are_told_apart_and_kept_together(names: tuple[str, ...], least: float) -> None:
    assert labelled(names).f1 >= least


def test_a_second_release_splits_nothing() -> None:
    assert labelled(("defects4j", "defects4j-r2")).f1 >= labelled(("defects4j",)).f1 - 1e-9


@pytest.mark.parametrize(
    ("name", "same", "different"), [("metamorphic", 0.99, 0.99), ("complaints", 1, 1), ("sentry-inputs", 0.9, 0.99)]
)
def test_pairs_that_belong_together_meet_and_others_do_not(name: str, same: float, different: float) -> None:
    scores = paired(name)
    assert scores.same[0] / scores.same[1] >= same, scores.wrong
    assert scores.different[0] / scores.different[1] >= different, scores.wrong
