"""Shows the progress of the demo: a bar with rate and time left on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

LINE_SECONDS: Final = 5.0
"""Seconds between two plain lines."""


class Display(Protocol):
    """A display of the progress."""

    def advance(self, items: int, doing: str) -> None:
        """Count ``items`` more as sent, and show what is being done."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f}/s")


class _Bar:
    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=total)

    def advance(self, items: int, doing: str) -> None:
        self._progress.update(self._task, advance=items, description=doing)


class _Lines:
    def __init__(self, console: Console, total: int) -> None:
        self._console, self._total, self._done = console, total, 0
        self._start = self._printed = time.monotonic()

    def advance(self, items: int, doing: str) -> None:
        self._done += items
        now = time.monotonic()
        if self._done < self._total and now - self._printed < LINE_SECONDS:
            return
        self._printed = now
        rate = self._done / max(now - self._start, 0.001)
        left = (self._total - self._done) / rate
        self._console.print(
            f"{self._done} of {self._total} sent, {rate:.0f}/s, {left:.0f} s left: {doing}", highlight=False
        )


@contextmanager
def display(console: Console, total: int) -> Iterator[Display]:
    """Show the progress of ``total`` items while the block runs."""
    if not console.is_terminal:
        yield _Lines(console, total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        yield _Bar(progress, total)
