"""Which group a crash belongs to, and why. Each version of the grouping is a frozen package of its own."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from app.grouping import g1, g2
from app.model import Event, Grouped, Part


class Version(NamedTuple):
    """One version of the grouping: pure functions of the event, the same on every worker and in every replay."""

    group: Callable[[Event], Grouped]
    explain: Callable[[Event], list[Part]]
    """Every part of the event that was looked at, what it was normalised to, whether it counted and why."""


versions: Final[Mapping[str, Version]] = MappingProxyType(
    {"g1": Version(g1.group, g1.explain), "g2": Version(g2.group, g2.explain)}
)
"""By the name that a project's records are stamped with. A version is never taken out: stored ids follow from it."""
DEFAULT: Final = "g1"


def group(event: Event, version: str = DEFAULT) -> Grouped:
    """Return the group of an event. Raises KeyError for a version that is not known."""
    return versions[version].group(event)


def explain(event: Event, version: str = DEFAULT) -> list[Part]:
    """Return why an event grouped as it did. Raises KeyError for a version that is not known."""
    return versions[version].explain(event)
