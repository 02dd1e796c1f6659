"""Which group a crash belongs to, and why. Each version of the grouping is a frozen package of its own."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from app.grouping import g1, rules
from app.grouping.kinship import Features
from app.grouping.rules import NONE, Rules
from app.model import Address, Event, Grouped, Part


class Group(Protocol):
    """Returns the group of an event under a version of its project's rules."""

    def __call__(self, event: Event, rules: Rules = NONE, /) -> Grouped:
        """Return the group. Any input has one."""
        ...


class Explain(Protocol):
    """Returns every part of the event: what it was normalised to, whether it counted and why."""

    def __call__(self, event: Event, rules: Rules = NONE, /) -> list[Part]:
        """Return the parts, in the order in which a page shows them."""
        ...


class Compare(Protocol):
    """Returns what the comparison of keys looks at of an event that falls into ``key``, read at ``at``."""

    def __call__(self, event: Event, rules: Rules, key: str, at: Address, /) -> Features:
        """Return the features."""
        ...


class Version(NamedTuple):
    """One version of the grouping: pure functions of the event, the same on every worker and in every replay."""

    group: Group
    explain: Explain
    features: Compare | None
    """None: the version knows no rules of projects, and its keys are never compared."""


def _g1_group(event: Event, _rules: Rules = NONE, /) -> Grouped:
    """Return the group by the first grouping, which knows no project rules."""
    return g1.group(event)


def _g1_explain(event: Event, _rules: Rules = NONE, /) -> list[Part]:
    return g1.explain(event)


versions: Final[Mapping[str, Version]] = MappingProxyType(
    {"g1": Version(_g1_group, _g1_explain, None), "g2": Version(rules.group, rules.explain, rules.features)}
)
"""By the name that a project's records are stamped with. A version is never taken out: stored ids follow from it."""
DEFAULT: Final = "g1"
"""Of records and projects that name none: they were made before there was another."""
NEWEST: Final = "g2"
"""Of new projects."""


def has_rules(version: str) -> bool:
    """Return whether projects of a version have rules of their own, and its keys are compared."""
    return version in versions and versions[version].features is not None


def group(event: Event, version: str = DEFAULT) -> Grouped:
    """Return the group of an event without project rules. Raises KeyError for a version that is not known."""
    return versions[version].group(event)


def explain(event: Event, version: str = DEFAULT) -> list[Part]:
    """Return why an event grouped as it did. Raises KeyError for a version that is not known."""
    return versions[version].explain(event)
