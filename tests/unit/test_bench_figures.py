"""Saved figures of the bench: what is compared, and what is marked as worse."""

from pathlib import Path

import msgspec
import pytest

from tests.bench import figures
from tests.bench.figures import Run
from tests.bench.ratios import Better, Figure


def run_of(value: float, *, events: int = 100, better: Better = "more", name: str = "ours : theirs") -> Run:
    run = figures.started(events, rounds=3, source="made-up reports")
    return msgspec.structs.replace(run, figures=[Figure(name, value, value, value, better)])


def test_a_run_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    runs = [run_of(1.5), run_of(1.6)]
    figures.save("agent", runs, tmp_path / "figures")
    assert figures.saved("agent", tmp_path / "figures") == runs


def test_a_part_that_was_never_saved_has_no_runs(tmp_path: Path) -> None:
    assert figures.saved("agent", tmp_path) == []


def test_only_the_newest_runs_are_kept(tmp_path: Path) -> None:
    figures.save("agent", [run_of(number) for number in range(figures.KEPT + 5)], tmp_path)
    assert [run.figures[0].value for run in figures.saved("agent", tmp_path)] == list(range(5, figures.KEPT + 5))


def test_a_finished_part_is_saved_with_the_cpus_and_the_load(tmp_path: Path) -> None:
    run = figures.started(100, 3, "made-up reports")
    figures.finish("agent", run, [Figure("a : b", 2.0, 1.9, 2.1)], tmp_path)
    [saved] = figures.saved("agent", tmp_path)
    assert saved.conditions.cpus >= 1
    assert len(saved.load) == 3
    assert saved.figures == [Figure("a : b", 2.0, 1.9, 2.1)]


def test_a_part_that_was_not_measured_is_not_saved(tmp_path: Path) -> None:
    figures.finish("kafka", figures.started(100, 3, "made-up reports"), [], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_runs_under_other_conditions_are_not_compared() -> None:
    same, other = run_of(1.0), run_of(1.0, events=200)
    assert figures.comparable(run_of(1.0), [same, other]) == [same]


@pytest.mark.parametrize(
    ("better", "value", "worse"),
    [
        ("more", 0.89, True),
        ("more", 0.91, False),
        ("more", 2.0, False),
        ("less", 1.11, True),
        ("less", 1.09, False),
        ("less", 0.5, False),
        ("neither", 0.1, False),
        ("neither", 9.0, False),
    ],
)
def test_more_than_ten_percent_worse_is_marked(better: Better, value: float, worse: bool) -> None:
    lines = figures.report(run_of(value, better=better), [run_of(1.0, better=better)])
    assert any("WORSE" in line for line in lines) is worse


def test_a_run_is_compared_with_the_median_of_the_saved_ones() -> None:
    lines = figures.report(run_of(1.0), [run_of(1.0), run_of(1.0), run_of(9.0)])
    assert not any("WORSE" in line for line in lines)
    assert any("+0%" in line for line in lines)


def test_a_figure_without_a_saved_one_says_so() -> None:
    lines = figures.report(run_of(1.0, name="new : limit"), [run_of(1.0)])
    assert any("not saved before" in line for line in lines)
