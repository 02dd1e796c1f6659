"""Figures of a bench: the median of some rounds, and a ratio with the least and greatest of them."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from rich.console import Console

console = Console(highlight=False, soft_wrap=True)


class Ratio(NamedTuple):
    """How many times as much one side does as the other, per round of both."""

    rounds: tuple[float, ...]

    @classmethod
    def of(cls, ours: Sequence[float], theirs: Sequence[float]) -> "Ratio":
        """Compare rates of the same rounds."""
        return cls(tuple(one / other for one, other in zip(ours, theirs, strict=True)))

    def __str__(self) -> str:
        """Give the median with the range."""
        return f"{median(self.rounds):.2f} x ({min(self.rounds):.2f} to {max(self.rounds):.2f})"


def line(what: str, ratio: Ratio, aim: float | None = None) -> None:
    """Print a ratio beside its aim."""
    middle = median(ratio.rounds)
    verdict = "" if aim is None else f"   aim >= {aim:g} x: {'met' if middle >= aim else 'NOT met'}"
    console.print(f"  {what}: [bold]{ratio}[/bold]{verdict}")
