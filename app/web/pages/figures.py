"""The main figure of the pages: errors that are not known to be handled, or all of them."""

from typing import Final, NamedTuple, Protocol

from app.stores.aggregates import overview
from app.web.call import Call


class Counts(Protocol):
    """What has the counts of a window or of a range."""

    @property
    def crashes(self) -> int:
        """All events of level error or fatal."""
        ...

    @property
    def unhandled(self) -> int:
        """Those that the SDK says were not handled."""
        ...

    @property
    def not_said(self) -> int:
        """Those of which it says nothing."""
        ...


class Figure(NamedTuple):
    """What is counted as a crash, and how the pages call it."""

    name: str
    meaning: str
    measure: str
    """The measure of the chart."""
    can_switch: bool
    """Whether the other figure would differ."""
    note: str = ""

    def of(self, counts: Counts) -> int:
        """Return the figure of a window or a range."""
        return counts.crashes if self.measure == "crashes" else counts.unhandled + counts.not_said


CRASHES: Final = Figure(
    "Crashes",
    "Events of level error or fatal in this range, without those that the SDK says were handled.",
    "not_handled",
    can_switch=True,
)
ALL: Final = Figure("All errors", "Events of level error or fatal in this range, handled or not.", "crashes", True)
NOTHING_SAID: Final = Figure(
    "All errors",
    ALL.meaning,
    "crashes",
    can_switch=False,
    note="No SDK says in this range whether an error was handled, so all of them are counted.",
)


def choose(counts: Counts, *, wants_all: bool) -> Figure:
    """Return the figure for a range, by its counts: where nothing is known to be handled or not, it is all errors."""
    if counts.crashes and counts.not_said == counts.crashes:
        return NOTHING_SAID
    return ALL if wants_all else CRASHES


async def reaches_back(call: Call, project: int, start: int, release: str = "", environment: str = "") -> bool:
    """Return whether the data of a project, or its environment, (and of its release) begin before ``start`` (ms).

    A range in which they begin is not whole: a percentage against it would compare with nothing.
    """
    first = await overview.first_hour(call.services.pool, project, environment)
    if first is None or first * 1000 > start:
        return False
    if not release:
        return True
    seen = await overview.release_first_seen(call.services.pool, project, release)
    return seen is not None and seen <= start
