"""Scores of the grouping on the labelled crashes of ``tests.bench.grouping_scores``, as figures of the bench."""

from tests.bench import grouping_scores
from tests.bench.ratios import Figure, console


def run(_count: int) -> list[Figure]:
    """Print and return the F1 of each labelled set, and the share of pairs that are grouped as their label says."""
    if not grouping_scores.available():
        console.print("[bold]grouping[/bold]: not measured: no labelled crashes; set FAULTLINE_SHARED")
        return []
    console.print("[bold]grouping[/bold]: labelled crashes, whatever --events says")
    figures = [_labelled(names) for names in grouping_scores.LABELLED]
    return [*figures, *(figure for name in grouping_scores.PAIRED for figure in _paired(name))]


def _labelled(names: tuple[str, ...]) -> Figure:
    return _figure(f"{'+'.join(names)}: F1", grouping_scores.labelled(names).f1)


def _paired(name: str) -> list[Figure]:
    scores = grouping_scores.paired(name)
    pairs = {"same": scores.same, "different": scores.different}
    return [
        _figure(f"{name}: pairs labelled {label}", right / total) for label, (right, total) in pairs.items() if total
    ]


def _figure(name: str, value: float) -> Figure:
    console.print(f"  {name} [bold]{value:.3f}[/bold]")
    return Figure(name, value, value, value)
