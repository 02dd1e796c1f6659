"""The saved figures of earlier runs: ``figures/<part>.json``, a list of runs with the newest last.

Every run is saved; which of them are committed is the developer's choice. A run is compared with the saved runs that
measured the same: as many events and rounds from the same source, on as many CPUs.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from tests.bench.ratios import Figure, console

FOLDER: Final = Path(__file__).parent / "figures"
KEPT: Final = 20
"""Runs that a file holds at most; the oldest go first."""

COMPARED: Final = 5
"""Saved runs that a run is compared with at most, by the median of each figure: one noisy run decides nothing."""

WORSE: Final = 0.10
"""Share by which a figure may be worse than the saved ones before it is marked."""


class Conditions(msgspec.Struct, frozen=True):
    """What must be equal for two runs to be compared."""

    events: int
    rounds: int
    source: str
    cpus: int


class Run(msgspec.Struct, frozen=True):
    """One run of one part. ``date`` is UTC; ``load`` is the load average over 1, 5 and 15 minutes before it began."""

    date: str
    load: tuple[float, float, float]
    conditions: Conditions
    figures: list[Figure]


def started(events: int, rounds: int, source: str) -> Run:
    """Return a run that begins now and has no figures yet."""
    date = datetime.now(UTC).isoformat(timespec="seconds")
    load = os.getloadavg()
    return Run(
        date=date,
        load=(round(load[0], 2), round(load[1], 2), round(load[2], 2)),
        conditions=Conditions(events, rounds, source, os.cpu_count() or 1),
        figures=[],
    )


def finish(part: str, run: Run, figures: Sequence[Figure], folder: Path = FOLDER) -> None:
    """Print a part's figures beside the saved ones, then save them; do nothing for a part that was not measured."""
    if not figures:
        return
    done = msgspec.structs.replace(run, figures=list(figures))
    earlier = saved(part, folder)
    for text in report(done, comparable(done, earlier)):
        console.print(text, markup=False)
    save(part, [*earlier, done], folder)


def saved(part: str, folder: Path = FOLDER) -> list[Run]:
    """Read the saved runs of a part, oldest first. Raises msgspec.DecodeError for a file that holds none."""
    path = folder / f"{part}.json"
    return msgspec.json.decode(path.read_bytes(), type=list[Run]) if path.exists() else []


def save(part: str, runs: Sequence[Run], folder: Path = FOLDER) -> None:
    """Write the newest ``KEPT`` runs of a part, formatted so that a diff shows what changed."""
    folder.mkdir(exist_ok=True)
    data = msgspec.json.format(msgspec.json.encode(runs[-KEPT:]), indent=1)
    (folder / f"{part}.json").write_bytes(data + b"\n")


def comparable(run: Run, earlier: Sequence[Run]) -> list[Run]:
    """Return the newest saved runs that were made under the same conditions, oldest first."""
    return [other for other in earlier if other.conditions == run.conditions][-COMPARED:]


def report(run: Run, earlier: Sequence[Run]) -> list[str]:
    """Return the lines that show a run beside the saved ones."""
    load = ", ".join(f"{average:g}" for average in run.load)
    lines = [f"  begun {run.date}, {run.conditions.cpus} CPUs, load average {load}"]
    if not earlier:
        return [*lines, "  no saved run was made under these conditions"]
    dates = ", ".join(other.date for other in earlier)
    return [*lines, f"  beside the median of {len(earlier)} saved: {dates}", *_rows(run.figures, earlier)]


def _rows(figures: Sequence[Figure], earlier: Sequence[Run]) -> list[str]:
    width = max((len(figure.name) for figure in figures), default=0)
    return [f"    {figure.name:<{width}} {_compared(figure, earlier)}" for figure in figures]


def _compared(figure: Figure, earlier: Sequence[Run]) -> str:
    values = [other.value for run in earlier for other in run.figures if other.name == figure.name]
    if not values:
        return f"{figure.value:8.3f}  not saved before"
    before = median(values)
    mark = f"   MORE THAN {WORSE:.0%} WORSE" if is_worse(figure, before) else ""
    change = f" ({figure.value / before - 1:+.0%})" if before else ""
    return f"{figure.value:8.3f}  saved {before:8.3f}{change}{mark}"


def is_worse(figure: Figure, before: float) -> bool:
    """Return whether a figure is more than ``WORSE`` worse than a saved value."""
    if figure.better == "more":
        return figure.value < before * (1 - WORSE)
    return figure.better == "less" and figure.value > before * (1 + WORSE)
