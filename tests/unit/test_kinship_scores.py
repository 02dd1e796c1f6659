"""Key and kinship together against labelled crashes: what they reached must not be lost."""

import random

import pytest

from app.grouping import g2
from app.grouping.kinship import Features, Kin, features_of
from app.model import Address
from tests.bench.grouping_kinship import ByKinship
from tests.bench.grouping_scores import (
    SHARED,
    STREAMS,
    available,
    event_of,
    grouped,
    labels_of,
    rows,
    scored,
)
from tests.bench.grouping_streams import ALTERED
from tests.unit.kinship_parts import seen

pytestmark = pytest.mark.skipif(not available(), reason=f"no labelled crashes at {SHARED}: set FAULTLINE_SHARED")


@pytest.mark.parametrize(
    ("names", "least"),
    [
        (("defects4j",), 0.955), (("defects4j", "defects4j-r2"), 0.955),
        (("casr-gdb",), 1.0), (("casr-asan",), 1.0), (("casr-python",), 1.0),
    ],
)  # fmt: skip
def test_bugs_are_told_apart_and_kept_together(names: tuple[str, ...], least: float) -> None:
    given = [row for name in names for row in rows(f"events-{name}")]
    assert scored(labels_of(given), grouped(given, ByKinship)).f1 >= least


def test_a_second_release_splits_nothing() -> None:
    one, two = list(rows("events-defects4j")), list(rows("events-defects4j-r2"))
    alone = scored(labels_of(one), grouped(one, ByKinship))
    both = scored(labels_of([*one, *two]), grouped([*one, *two], ByKinship))
    assert both.f1 == pytest.approx(alone.f1)


@pytest.mark.parametrize(
    ("name", "same", "different"),
    [("freewords", 97, 57), ("complaints", 29, 14), ("metamorphic", 515, 203), ("sentry-inputs", 10, 100)],
)
def test_pairs_that_belong_together_meet_and_others_do_not(name: str, same: int, different: int) -> None:
    given = list(rows(f"events-{name}"))
    groups = dict(zip((row["id"] for row in given), grouped(given, ByKinship), strict=True))
    kept = [pair["same"] for pair in rows(f"pairs-{name}") if (groups[pair["a"]] == groups[pair["b"]]) is pair["same"]]
    assert (sum(kept), len(kept) - sum(kept)) >= (same, different)
    assert len(kept) - sum(kept) >= different


LEAST = {
    "no source": 0.98, "no release": 0.96, "neither source nor release": 0.91, "neither source nor lines": 0.88,
    "other words": 0.97,
}  # fmt: skip


@pytest.mark.parametrize("change", ["", *ALTERED])
def test_streams_of_free_words_are_the_bugs(change: str) -> None:
    given = list(rows(f"events-{STREAMS}"))
    given = ALTERED[change](given) if change else given
    groups = grouped(given, ByKinship)
    found = scored(labels_of(given), groups)
    assert found.precision == 1
    assert found.f1 >= LEAST.get(change, 0.99)
    assert change or len(set(groups)) <= 56


def _sights(change: str) -> dict[str, list[Features]]:
    found: dict[str, list[Features]] = {}
    for offset, row in enumerate(ALTERED[change](list(rows(f"events-{STREAMS}")))):
        event = event_of(row)
        at = Address("crashes", offset % 3, offset)
        found.setdefault(row["source"], []).append(features_of(event, g2.decide(event), g2.group(event).group, at))
    return found


@pytest.mark.parametrize("change", ["no source", "neither source nor release", "neither source nor lines"])
def test_streams_come_out_the_same_in_any_order_and_never_part(change: str) -> None:
    dice = random.Random(11)
    for sights in _sights(change).values():
        in_order = Kin()
        for one in sorted(sights, key=lambda one: one.born):
            assert all(decision.kind != "part" for decision in in_order.see(one))
        again = seen(dice.sample(sights, len(sights)))
        keys = {one.key for one in sights}
        assert {key: in_order.root(key) for key in keys} == {key: again.root(key) for key in keys}
