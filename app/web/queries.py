"""The questions that both the API and the pages ask; each takes the range that the caller has rounded."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from app import normalise
from app.cells import DAY, HOUR, MINUTE
from app.grouping import explain
from app.model import Event, Malformed, Part
from app.records import Stored
from app.stores.admin.access import Access
from app.stores.aggregates.standing import EndCondition, check_decision
from app.stores.aggregates.types import GroupRow
from app.stores.search.contract import Document, Hits
from app.web.errors import ApiError, bad, missing
from app.web.params import WINDOWS, Range
from app.web.services import Services

MOST_DAYS: Final = 3650
"""Days that a group can be ignored for."""
MINUTES_UP_TO: Final = 7
HOURS_UP_TO: Final = 24 * 8
HEX: Final = frozenset("0123456789abcdef")


class Picture(NamedTuple):
    """One event with all that is known of it."""

    event: Event
    document: Document
    stored: Stored
    root: str
    """The group that it belongs to now, merges followed."""


def kept(services: Services) -> Range:
    """Give the range of event time that search can hold: what it keeps, and what may be older or ahead by then."""
    now = services.now()
    return Range(max(now - (services.settings.search_days + 31) * DAY * 1000, 0), now + HOUR * 1000)


async def find(
    services: Services, project: int, query: str, asked: Range, *, groups: Sequence[str] = (),
    limit: int = 50, cursor: str = "",
) -> Hits:  # fmt: skip
    """Search a project's events. Raises 400 for a query or cursor that can't be read."""
    try:
        return await services.search.search(
            project, query, asked.start, asked.end, groups=groups, limit=limit, cursor=cursor
        )
    except ValueError as error:
        raise bad("bad_query", str(error) or "The query or the cursor cannot be read.") from error


async def by_time(services: Services, project: int, query: str, asked: Range, step: int) -> dict[int, int]:
    """Count what a search finds by steps of ``step`` ms. Raises 400 for a query that can't be read."""
    try:
        return await services.search.by_time(project, query, asked.start, asked.end, step)
    except ValueError as error:
        raise bad("bad_query", str(error) or "The query cannot be read.") from error


async def decide(services: Services, group: str, status: str, *, next_release: bool = False,
                 events: int | None = None, days: int | None = None) -> None:  # fmt: skip
    """Set a group's status, until something. Raises 400 for a decision that makes no sense."""
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise bad("bad_days", f"days is a number from 1 to {MOST_DAYS}.")
    now = services.now()
    until = EndCondition(next_release, events, None if days is None else now + days * DAY * 1000)
    try:
        check_decision(status, until)
    except ValueError as error:
        raise bad("bad_status", f"{error}.") from error
    await services.aggregates.set_status(group, status, now, until)


def event_id(text: str) -> str:
    """Normalise an event id: 32 hex digits, dashes and case dropped. Raises 404 for what can be none."""
    name = text.lower().replace("-", "")
    if len(name) != 32 or not HEX.issuperset(name):  # noqa: PLR2004  128 bits in hex
        raise missing("event")
    return name


async def document(services: Services, name: str, access: Access, project: int | None) -> Document:
    """Find one event by id. Raises 404, or 409 with the choices where several projects have it."""
    found = await services.search.event(event_id(name), project)
    found = [item for item in found if access.may_see(item.summary.project)]
    if not found:
        raise missing("event")
    choices = sorted({item.summary.project for item in found})
    if len(choices) > 1:
        listed = ", ".join(str(choice) for choice in choices)
        raise ApiError(409, "ambiguous", f"Several projects have an event of this id; add ?project= one of: {listed}.")
    return max(found, key=lambda item: item.summary.received)


async def stored(services: Services, found: Document) -> Stored:
    """Read the scrubbed report. Raises 404 where it is kept no longer."""
    report = await services.reports.get(found.address)
    if report is None:
        raise ApiError(404, "raw_gone", "The event is known, but its raw report is no longer kept.")
    return report


async def picture(services: Services, found: Document) -> Picture:
    """Give the full picture of an event. Raises 404 where its report is kept no longer."""
    report = await stored(services, found)
    event = normalise.event(report.facts, report.payload, full=True)
    row = await services.aggregates.group(found.summary.group)
    return Picture(event, found, report, row.id if row else found.summary.group)


async def why(services: Services, row: GroupRow) -> list[Part]:
    """Explain why a group's sample event belongs to it; [] where the sample is kept no longer."""
    report = await services.reports.get(row.sample)
    if report is None:
        return []
    try:
        return explain(normalise.event(report.facts, report.payload, full=True))
    except Malformed:
        return []


def size_for(asked: Range) -> int:
    """Give the window, in seconds, that small pictures of a range are made of."""
    hours = (asked.end - asked.start) / 1000 / HOUR
    return MINUTE if hours <= MINUTES_UP_TO else HOUR if hours <= HOURS_UP_TO else DAY


def size_kept(services: Services, start: int) -> int:
    """Give the smallest window, in seconds, that is still kept of all that begins at ``start`` (ms) or later."""
    settings, now = services.settings, services.now()
    for size, days in ((MINUTE, settings.minute_days), (HOUR, settings.hour_days)):
        if start - start % (size * 1000) >= now - days * DAY * 1000:
            return size
    return DAY


def rounded(services: Services, asked: Range, *, before: bool = False) -> Range:
    """Round a range outward to the smallest windows that are kept of all of it.

    Args:
        services: What is asked.
        asked: The range.
        before: The equally long range before it is asked for too.
    """
    size = size_kept(services, 2 * asked.start - asked.end if before else asked.start)
    return asked.outward(size)


def window_kept(services: Services, name: str, asked: Range) -> str:
    """Give the name of a window, or of the next larger one that is kept of all of the range."""
    least = max(WINDOWS[name], size_kept(services, asked.start))
    return next(name for name, size in WINDOWS.items() if size >= least)
