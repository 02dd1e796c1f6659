"""Which group a crash belongs to, and why. Each version of the grouping is a frozen package of its own."""

from app.grouping import g1
from app.model import Event, Grouped, Part


def group(event: Event) -> Grouped:
    """Give the group of an event: a pure function of the event, the same on every worker and in every replay."""
    return g1.group(event)


def explain(event: Event) -> list[Part]:
    """Give every part of the event that was looked at, what it was normalised to, whether it counted and why."""
    return g1.explain(event)
