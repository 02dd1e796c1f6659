"""The groupings against labelled crashes: what each reached must not be lost."""

from collections.abc import Callable

import pytest

from app.grouping import group
from app.model import Event
from tests.bench.grouping_scores import (
    SHARED,
    STREAMS,
    ByKey,
    available,
    grouped,
    intervals,
    labelled,
    labels_of,
    paired,
    rows,
    scored,
)
from tests.bench.grouping_streams import ALTERED

pytestmark = pytest.mark.skipif(not available(), reason=f"no labelled crashes at {SHARED}: set FAULTLINE_SHARED")


def _key(version: str) -> Callable[[Event], str]:
    return lambda event: group(event, version).group


@pytest.mark.parametrize("version", ["g1", "g2"])
@pytest.mark.parametrize(
    ("names", "least"),
    [(("defects4j",), 0.94), (("casr-gdb",), 1.0), (("casr-asan",), 1.0), (("casr-python",), 1.0)],
)
def test_bugs_are_told_apart_and_kept_together(names: tuple[str, ...], least: float, version: str) -> None:
    assert labelled(names, _key(version)).f1 >= least - 1e-9


@pytest.mark.parametrize("version", ["g1", "g2"])
def test_a_second_release_splits_nothing(version: str) -> None:
    key = _key(version)
    assert labelled(("defects4j", "defects4j-r2"), key).f1 >= labelled(("defects4j",), key).f1 - 1e-9


@pytest.mark.parametrize(
    ("version", "name", "same", "different"),
    [
        ("g1", "metamorphic", 515, 203), ("g1", "complaints", 29, 14), ("g1", "sentry-inputs", 10, 100),
        ("g1", "freewords", 16, 56), ("g2", "metamorphic", 515, 203), ("g2", "complaints", 29, 14),
        ("g2", "sentry-inputs", 10, 100), ("g2", "freewords", 65, 57),
    ],
)  # fmt: skip
def test_pairs_that_belong_together_meet_and_others_do_not(version: str, name: str, same: int, different: int) -> None:
    scores = paired(name, _key(version))
    assert (scores.same[0], scores.different[0]) >= (same, different), scores.wrong
    assert scores.different[0] >= different, scores.wrong


def test_streams_of_free_words_make_fewer_groups_by_the_statement() -> None:
    given = list(rows(f"events-{STREAMS}"))
    labels = labels_of(given)
    found = {version: grouped(given, lambda name=version: ByKey(_key(name))) for version in ("g1", "g2")}  # type: ignore[misc]  # a default binds it
    assert scored(labels, found["g2"]).f1 >= 0.74
    assert scored(labels, found["g2"]).precision == 1
    ranges = intervals(labels, found)
    assert ranges["g2 - g1"].low > 0.2


@pytest.mark.parametrize("change", ALTERED)
def test_altered_streams_keep_their_bugs_and_never_mix_them(change: str) -> None:
    given = ALTERED[change](list(rows(f"events-{STREAMS}")))
    found = scored(labels_of(given), grouped(given, lambda: ByKey(_key("g2"))))
    assert found.precision == 1
    assert found.f1 >= (0.7 if change in ("no release", "other words") else 0.35)
