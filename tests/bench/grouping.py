"""Scores of the groupings on the labelled crashes of ``tests.bench.grouping_scores``, as figures of the bench."""

from tests.bench import grouping_scores as scores
from tests.bench.ratios import Figure, console


def run(_count: int) -> list[Figure]:
    """Print all scores and times; return by version the F1 of each labelled set, and the shares of pairs kept."""
    if not scores.available():
        console.print("[bold]grouping[/bold]: not measured: no labelled crashes; set FAULTLINE_SHARED")
        return []
    console.print("[bold]grouping[/bold]: labelled crashes, whatever --events says")
    scores.run()
    figures = [figure for names in scores.LABELLED for figure in _labelled(names)]
    return [*figures, *(figure for name in scores.PAIRED for figure in _paired(name))]


def _labelled(names: tuple[str, ...]) -> list[Figure]:
    given = [row for name in names for row in scores.rows(f"events-{name}")]
    labels = scores.labels_of(given)
    return [
        _figure(f"{'+'.join(names)}, {stage}: F1", scores.scored(labels, scores.grouped(given, made)).f1)
        for stage, made in scores.STAGES.items()
    ]


def _paired(name: str) -> list[Figure]:
    figures: list[Figure] = []
    for stage, made in scores.STAGES.items():
        found = scores.paired_by(name, made)
        pairs = {"same": found.same, "different": found.different}
        figures += [
            _figure(f"{name}, {stage}: pairs labelled {label}", right / total)
            for label, (right, total) in pairs.items()
            if total
        ]
    return figures


def _figure(name: str, value: float) -> Figure:
    return Figure(name, value, value, value)
