"""Where an event stands among those of its group: first, older, "3 of 7", newer, latest. Search keeps the order."""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from app.stores.search.contract import Document
from app.web import queries
from app.web.call import Call
from app.web.params import Range
from app.web.services import Services

PAGE: Final = 50
"""Documents of a range that are read to find its oldest one."""
STEPS: Final = 500
"""Parts that a range of more documents is counted in: three rounds reach the millisecond in any range."""
AT_ONCE: Final = 200
"""Events of one millisecond whose order is looked at."""


class Position(NamedTuple):
    """An event's place in the order of its group's events, as far as search keeps them."""

    number: int
    """From 1, the oldest."""
    total: int
    first: Document | None
    """None where this is it; likewise the next ones."""
    older: Document | None
    newer: Document | None
    latest: Document | None


async def position_of(call: Call, document: Document) -> Position:
    """Return where an event stands in its group, merges followed."""
    services, summary = call.services, document.summary
    whole = queries.searchable_range(services)
    members = await services.aggregates.members(summary.group) or [summary.group]
    past, future = Range(whole.start, summary.time), Range(summary.time + 1, whole.end)
    before, at_once, after, oldest, next_one = await asyncio.gather(
        queries.search_events(services, summary.project, "", past, groups=members, limit=1),
        queries.search_events(services, summary.project, "", Range(past.end, future.start), groups=members,
                              limit=AT_ONCE),
        queries.search_events(services, summary.project, "", future, groups=members, limit=1),
        _oldest(services, summary.project, past, members),
        _oldest(services, summary.project, future, members),
    )  # fmt: skip
    same = at_once.documents
    mine = next((place for place, other in enumerate(same) if other.address == document.address), 0)
    older = same[mine + 1] if mine + 1 < len(same) else before.documents[0] if before.documents else None
    newer = same[mine - 1] if mine else next_one
    return Position(
        number=before.total + max(at_once.total, 1) - mine,
        total=before.total + max(at_once.total, 1) + after.total,
        first=oldest or (same[-1] if mine + 1 < len(same) else None),
        older=older,
        newer=newer,
        latest=after.documents[0] if after.documents else same[0] if mine else None,
    )


async def _oldest(services: Services, project: int, span: Range, groups: Sequence[str]) -> Document | None:
    """Return the oldest event of a range, None for none.

    Stores list the newest first: a range of many events is narrowed to the first step that has any.
    """
    while span.start < span.end:
        hits = await queries.search_events(services, project, "", span, groups=groups, limit=PAGE)
        if hits.next is None or span.end - span.start == 1:
            return hits.documents[-1] if hits.documents else None
        step = max((span.end - span.start) // STEPS, 1)
        counts = await services.search.by_time(project, "", span.start, span.end, step, groups=groups)
        if not counts:  # deleted in between
            return hits.documents[-1]
        first = min(counts)
        span = Range(max(first, span.start), min(first + step, span.end))
    return None
