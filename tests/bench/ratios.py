"""Figures of a bench: a ratio of two sides measured in the same run, printed with its range and its aim."""

from collections.abc import Sequence
from statistics import median
from typing import Literal, NamedTuple

import msgspec
from rich.console import Console

console = Console(highlight=False, soft_wrap=True)

Better = Literal["more", "less", "neither"]


class Figure(msgspec.Struct, frozen=True):
    """One printed figure: its median over the rounds, the least and the greatest of them, and which way is better."""

    name: str
    value: float
    least: float
    greatest: float
    better: Better = "more"


class Ratio(NamedTuple):
    """How many times the rate of one side the rate of the other is, by round."""

    rounds: tuple[float, ...]

    @classmethod
    def of(cls, ours: Sequence[float], theirs: Sequence[float]) -> "Ratio":
        """Compare the rates of the same rounds."""
        return cls(tuple(rate / other for rate, other in zip(ours, theirs, strict=True)))

    def __str__(self) -> str:
        """Return the median with the range."""
        return f"{median(self.rounds):.2f} x ({min(self.rounds):.2f} to {max(self.rounds):.2f})"

    def figure(self, name: str, better: Better = "more") -> Figure:
        """Return the figure that is saved under ``name``."""
        return Figure(name, median(self.rounds), min(self.rounds), max(self.rounds), better)


def line(name: str, ratio: Ratio, aim: float | None = None, *, better: Better = "more") -> Figure:
    """Print a ratio, beside the least that is aimed at where there is an aim; return its figure."""
    figure = ratio.figure(name, better)
    verdict = "" if aim is None else f"   aim >= {aim:g} x: {'met' if figure.value >= aim else 'NOT met'}"
    console.print(f"  {name}: [bold]{ratio}[/bold]{verdict}")
    return figure
