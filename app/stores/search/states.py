"""The states of groups that ``is:`` names, as the ids of groups that a search is limited to. Pure."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from app.stores.search.query import Term


class GroupFilter(NamedTuple):
    """Only the events of these groups, or all events without theirs."""

    ids: Collection[str]
    without: bool = False


States = Mapping[str, GroupFilter]
"""The groups of each state that a query names, at the time of the search."""

NO_STATES: Final[States] = MappingProxyType({})


def group_filter(term: Term, states: States) -> GroupFilter:
    """Return the groups of an ``is:`` term. Raises KeyError for a state whose groups the caller has not read."""
    groups = states[term.text]
    return GroupFilter(groups.ids, groups.without is not term.negated)
