"""The reads and decisions that the API and the pages share; each takes the range that the caller has rounded."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Final, NamedTuple

from app import normalise
from app.cells import DAY, HOUR, MINUTE
from app.grouping import versions
from app.model import Event, Malformed, Part
from app.records import Stored
from app.stores.admin.access import Access
from app.stores.admin.rules import UnknownVersion
from app.stores.aggregates.standing import EndCondition, check_decision
from app.stores.aggregates.types import GroupRow
from app.stores.search.contract import Document, Hits, MatchingGroups
from app.stores.search.query import CONTEXTS, FIELDS, Term, parse
from app.stores.search.states import GroupFilter, States
from app.stores.search.text import MAX_VALUE
from app.web.errors import ApiError, bad_request, not_found
from app.web.params import WINDOWS, Range, Window
from app.web.services import Services

MAX_DAYS: Final = 3650
"""Days that a group can be ignored for."""
MINUTES_UP_TO: Final = 7
"""Hours of a range up to which small charts are drawn by the minute."""
HOURS_UP_TO: Final = 24 * 8
"""Hours of a range up to which small charts are drawn by the hour."""
SLACK_DAYS: Final = 31
"""An event may be that much older than the day that it was received on."""
HEX: Final = frozenset("0123456789abcdef")
MAX_GROUPS: Final = 5000
"""Groups that a search of groups returns."""
MAX_STATE: Final = 10_000
"""Groups of one state that a search is limited to, or limited to the others of."""
QUOTE: Final = '"'
"""It ends a value of a search: none can hold it."""
SIMILAR: Final = 3
"""Similar names that are offered for an unknown one."""


class FullEvent(NamedTuple):
    """One event with its search document and its stored report."""

    event: Event
    document: Document
    report: Stored
    group: str
    """The group that it belongs to now, merges followed."""
    row: GroupRow | None
    """None where the group is not counted yet."""


class UnknownField(NamedTuple):
    """A name in a query that no event has, as it is written, with known names that are similar, the likeliest first."""

    field: str
    similar: list[str]

    @property
    def message(self) -> str:
        """The text for people."""
        means = f"; did you mean {' or '.join(f'`{name}`' for name in self.similar)}?" if self.similar else "."
        return f"No event of this range has a field or tag `{self.field}`{means}"


def searchable_range(services: Services) -> Range:
    """Return the range of event time that search can hold.

    It keeps events by the day received: their own times may be older, or an hour ahead.
    """
    now = services.now()
    return Range(max(now - (services.settings.search_days + SLACK_DAYS) * DAY * 1000, 0), now + HOUR * 1000)


async def search_events(
    services: Services, project: int, query: str, span: Range, *, groups: Sequence[str] = (),
    limit: int = 50, cursor: str = "",
) -> Hits:  # fmt: skip
    """Search a project's events. Raises 400 for a query or cursor that cannot be read."""
    with _readable():
        states = await states_of(services, project, query, span)
        return await services.search.search(
            project, query, span.start, span.end, groups=groups, states=states, limit=limit, cursor=cursor
        )


async def count_by_time(services: Services, project: int, query: str, span: Range, step: int) -> dict[int, int]:
    """Count the events that a search matches, by steps of ``step`` ms. Raises 400 for a query that cannot be read."""
    with _readable():
        states = await states_of(services, project, query, span)
        return await services.search.by_time(project, query, span.start, span.end, step, states=states)


def in_environment(words: str, environment: str) -> str:
    """Return a search that also asks for an environment."""
    return f'{words} environment:"{environment.replace(QUOTE, "")}"'.strip() if environment else words.strip()


async def search_groups(services: Services, project: int, query: str, span: Range) -> MatchingGroups:
    """Return the groups of the events that a search matches, at most ``MAX_GROUPS`` of those with the most events.

    Raises 400 for a query that cannot be read.
    """
    with _readable():
        states = await states_of(services, project, query, span)
        return await services.search.groups(project, query, span.start, span.end, states=states, limit=MAX_GROUPS)


async def states_of(services: Services, project: int, query: str, span: Range) -> States:
    """Return the groups of each state that a query names, as they are now. Raises ValueError for over ``MAX_STATE``."""
    names = {term.text for term in parse(query) if term.field == "is"}
    return {name: await _state(services, project, name, span) for name in sorted(names)}


async def _state(services: Services, project: int, name: str, span: Range) -> GroupFilter:
    if name == "new":
        ids = await services.aggregates.groups_new(project, span.start, span.end, MAX_STATE + 1)
    else:
        # Unresolved is all that is neither resolved nor ignored: nobody decided about most groups.
        statuses = ("resolved", "ignored") if name == "unresolved" else (name,)
        ids = await services.aggregates.groups_decided(project, statuses, span.start, span.end, MAX_STATE + 1)
    if len(ids) > MAX_STATE:
        raise ValueError(f"is:{name} depends on over {MAX_STATE:,} groups of this range: choose a shorter range.")
    return GroupFilter(ids, without=name == "unresolved")


async def unknown_fields(services: Services, project: int, query: str, span: Range, total: int) -> list[UnknownField]:
    """Return the names of a query that no event of the range has as field, tag or context, with similar names.

    Names are examined where they may be why ``total`` is what it is: all where a search matches nothing, else those of
    terms that exclude events.
    """
    names = {term.key: term for term in parse(query) if (term.negated or not total) and _may_be_unknown(term)}
    unknown = [name for name, term in names.items() if not await _has(services, project, term, span)]
    if not unknown:
        return []
    facets = await services.search.facets(project, (), span.start, span.end)
    known = list(dict.fromkeys([*(name for name, alias in FIELDS.items() if not alias), *CONTEXTS, *facets]))
    return [UnknownField(name, get_close_matches(name.lower(), known, SIMILAR)) for name in unknown]


def _may_be_unknown(term: Term) -> bool:
    """Return whether a term names a tag or a context, but none that is documented."""
    is_tag = term.field.startswith("tag.") and not term.loose
    return term.key != term.field and (is_tag or term.key.lower() not in CONTEXTS)


async def _has(services: Services, project: int, term: Term, span: Range) -> bool:
    """Return whether any event of the range has the term's tag or context, with whatever value."""
    places = ("tag", "context") if term.loose else (term.field.partition(".")[0],)
    for place in places:
        if await services.search.exists(project, f'{place}."{term.key[:MAX_VALUE]}":*', span.start, span.end):
            return True
    return False


@contextmanager
def _readable() -> Iterator[None]:
    """Raise a 400 for a query that is refused."""
    try:
        yield
    except ValueError as error:
        raise bad_request("bad_query", str(error) or "The query or the cursor cannot be read.") from error


async def set_status(services: Services, group: str, status: str, *, next_release: bool = False,
                     events: int | None = None, days: int | None = None) -> None:  # fmt: skip
    """Set a group's status, for good or until its condition is met. Raises 400 for conditions that do not fit."""
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise bad_request("bad_days", f"days is a number from 1 to {MAX_DAYS}.")
    now = services.now()
    until = EndCondition(next_release, events, None if days is None else now + days * DAY * 1000)
    try:
        check_decision(status, until)
    except ValueError as error:
        raise bad_request("bad_status", f"{error}.") from error
    await services.aggregates.set_status(group, status, now, until)


async def merge(services: Services, row: GroupRow, into: GroupRow) -> None:
    """Merge a group into another of its project. Raises 404 across projects, 409 for one and the same group."""
    if row.project != into.project:
        raise not_found("group")
    if row.id == into.id:
        raise ApiError(409, "same_group", "These are the same group already.")
    await services.aggregates.merge(row.id, into.id)


def parse_event_id(text: str) -> str:
    """Return an event id as it is stored: 32 hex digits without dashes, lower case. Raises 404 for anything else."""
    name = text.lower().replace("-", "")
    if len(name) != 32 or not HEX.issuperset(name):  # noqa: PLR2004  128 bits in hex
        raise not_found("event")
    return name


async def find_event(services: Services, event_id: str, access: Access, project: int | None) -> Document:
    """Return one event by its id. Raises 404, or 409 with the choices where several projects have it."""
    every = await services.search.event(parse_event_id(event_id), project)
    visible = [document for document in every if access.may_see(document.summary.project)]
    if not visible:
        raise not_found("event")
    choices = sorted({document.summary.project for document in visible})
    if len(choices) > 1:
        listed = ", ".join(str(choice) for choice in choices)
        raise ApiError(409, "ambiguous", f"Several projects have an event of this id; add ?project= one of: {listed}.")
    return max(visible, key=lambda document: document.summary.received)


async def read_report(services: Services, document: Document) -> Stored:
    """Return an event's scrubbed report. Raises 404 where it is kept no longer."""
    report = await services.reports.get(document.address)
    if report is None:
        raise ApiError(404, "raw_gone", "The event is known, but its raw report is no longer kept.")
    return report


async def full_event(services: Services, document: Document) -> FullEvent:
    """Return an event with everything known of it. Raises 404 where its report is kept no longer."""
    report = await read_report(services, document)
    event = normalise.event(report.facts, report.payload, full=True)
    event.contexts = normalise.contexts_of(event)  # as search found them: with what the User-Agent says
    row = await services.aggregates.group(document.summary.group)
    return FullEvent(event, document, report, row.id if row else document.summary.group, row)


async def explain_group(services: Services, row: GroupRow) -> list[Part]:
    """Explain, by the group's version of the grouping and its project's rules, why its sample event belongs to it.

    The rules are those that the sample was stamped with. Return [] where the sample is kept no longer, or where only a
    newer Faultline knows the version.
    """
    report = await services.reports.get(row.sample)
    if report is None:
        return []
    try:
        event = normalise.event(report.facts, report.payload, full=True)
    except Malformed:
        return []
    return await explain(services, event, row.grouping, report.facts.project_rules)


async def explain(services: Services, event: Event, grouping: str, rules: int) -> list[Part]:
    """Explain why an event grouped as it did, by a version of the grouping and one of its project's rules.

    Return [] for a version that only a newer Faultline knows.
    """
    version = versions.get(grouping)
    if version is None:
        return []
    try:
        return version.explain(event, await services.rules.get(event.project, rules))
    except UnknownVersion:
        return []


def chart_window(span: Range) -> int:
    """Return the window, in seconds, that small charts of a range are drawn from."""
    hours = (span.end - span.start) / 1000 / HOUR
    return MINUTE if hours <= MINUTES_UP_TO else HOUR if hours <= HOURS_UP_TO else DAY


def smallest_window(services: Services, start: int) -> int:
    """Return the smallest window, in seconds, that is still kept of everything from ``start`` (ms) on."""
    settings, now = services.settings, services.now()
    for size, days in ((MINUTE, settings.minute_days), (HOUR, settings.hour_days)):
        if start - start % (size * 1000) >= now - days * DAY * 1000:
            return size
    return DAY


def rounded(services: Services, span: Range, *, before: bool = False) -> Range:
    """Round a range outward to the smallest windows that are kept of all of it.

    Args:
        services: Knows how long windows are kept.
        span: The range.
        before: Whether the equally long range before must be kept too.
    """
    size = smallest_window(services, 2 * span.start - span.end if before else span.start)
    return span.outward(size)


def kept_window(services: Services, window: Window, span: Range) -> Window:
    """Return the window, or the next larger one that is kept of all of the range."""
    least = max(WINDOWS[window], smallest_window(services, span.start))
    return next(name for name, size in WINDOWS.items() if size >= least)
