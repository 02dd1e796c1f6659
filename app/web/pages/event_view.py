"""Lays out one event for a page: its trace, breadcrumbs, threads, facts and tables, within a budget of HTML. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from markupsafe import Markup

from app.model import Address, Breadcrumb, Event, Raised, Thread
from app.web.pages.stack import StackView, stack_view
from app.web.pages.values import Budget, size_of, text_html, value_html
from app.web.queries import FullEvent

EVENT_BYTES: Final = 150_000
"""HTML of an event: with a group's other parts a page stays below 300 kB."""
TRACE_BYTES: Final = 90_000
CRUMBS_BYTES: Final = 40_000
THREADS_BYTES: Final = 40_000

SIDE_TABLES: Final = ("user", "tags")
"""Tables in the side column; the others stand below."""
FOLDED_TABLES: Final = ("modules", "images")
"""Tables that are closed at first, sorted by name."""
HEADINGS: Final = {"os": "OS", "gpu": "GPU", "app": "Application"}
"""Headings of contexts whose names are not words."""
ROWS: Final = 8
"""Rows of a table in sight."""
MOST_ROWS: Final = 150
TABLES: Final = 8
"""Tables in sight; the others are folded."""
STACKS: Final = 3
"""Exceptions whose stacks are in sight; the others are folded."""
EXCEPTIONS: Final = 6
"""Exceptions in sight at all."""
OPENED: Final = (2, 1, 1)
"""Frames that are open, by exception, the outermost first."""
THREADS: Final = 5
"""Threads in sight."""
CRUMBS: Final = 12
"""Breadcrumbs in sight, the last ones."""
MESSAGE: Final = 400
"""Characters of a message in sight, of at most LINES lines."""
LINES: Final = 6
SHORTEST: Final = 60
"""Characters of a message once the budget is spent."""
CRUMB_BYTES: Final = 330
ROW_BYTES: Final = 60
EXCEPTION_BYTES: Final = 500
THREAD_BYTES: Final = 250


class ExceptionView(NamedTuple):
    """One exception of the chain."""

    raised: Raised
    message: Markup
    stack: StackView
    relation: str
    """How it is related to the exception above it; '' for the outermost."""


class ThreadView(NamedTuple):
    """One thread, named by the place where it was."""

    thread: Thread
    stack: StackView
    top: str


class CrumbView(NamedTuple):
    """One breadcrumb, or several equal ones in a row."""

    crumb: Breadcrumb
    said: Markup
    times: int


class Table(NamedTuple):
    """Names and values under a heading."""

    anchor: str
    heading: str
    size: int
    """Rows that were sent."""
    rows: list[tuple[str, Markup]]
    """In sight."""
    folded: list[tuple[str, Markup]]
    dropped: int
    """Rows that only the raw report has."""


class EventView(NamedTuple):
    """What the templates of an event's parts need."""

    event: Event
    title: str
    cause: str
    culprit: str
    group: str
    address: Address
    handled: bool | None
    """None where the SDK did not say."""
    message: Markup
    """Of an event without exception, or beside one; '' for none."""
    exceptions: list[ExceptionView]
    """The outermost first."""
    crash: ThreadView | None
    """The thread that stands for the exceptions, where there are none."""
    crumbs: list[CrumbView]
    earlier: list[CrumbView]
    """Breadcrumbs that are folded."""
    threads: list[ThreadView]
    other_threads: list[ThreadView]
    """Threads that are folded."""
    facts: list[tuple[str, str]]
    side_tables: list[Table]
    tables: list[Table]
    other_tables: list[Table]
    """Tables that are folded."""
    dropped: int
    """Threads and tables that only the raw report has."""
    shift: int
    """ms to add to a breadcrumb's time by the client's clock."""


def event_view(full: FullEvent) -> EventView:
    """Lay out an event; the trace takes its part of the budget first, then breadcrumbs, threads and tables."""
    event, summary, budget = full.event, full.document.summary, Budget(EVENT_BYTES)
    trace, crumbs_budget = budget.part(TRACE_BYTES), budget.part(CRUMBS_BYTES)
    exceptions = _exceptions(event, trace)
    crash = None if event.exceptions else _crash(event, trace)
    message = message_html(event.message or ("" if event.exceptions or crash else summary.title))
    budget.take(size_of(message))
    crumbs = _crumbs(event.breadcrumbs, crumbs_budget)
    side = [table for table in _tables(event, budget, SIDE_TABLES) if table.anchor in SIDE_TABLES]
    threads, dropped_threads = _threads(event, crash, budget.part(THREADS_BYTES))
    tables, dropped_tables = _main_tables(event, budget)
    return EventView(
        event=event,
        title=summary.title,
        cause=summary.cause,
        culprit=summary.culprit,
        group=full.group,
        address=full.document.address,
        handled=handled_of(event),
        message=message,
        exceptions=exceptions,
        crash=crash,
        crumbs=crumbs[-CRUMBS:],
        earlier=crumbs[:-CRUMBS],
        threads=threads[:THREADS],
        other_threads=threads[THREADS:],
        facts=_facts(event),
        side_tables=side,
        tables=tables[:TABLES],
        other_tables=tables[TABLES:],
        dropped=dropped_threads + dropped_tables,
        shift=0 if event.happened is None else event.time - event.happened,
    )


def handled_of(event: Event) -> bool | None:
    """Return whether the application handled an error, None where its SDK does not say."""
    if event.unhandled:
        return False
    return True if any(raised.handled for raised in event.exceptions) else None


def message_html(text: str) -> Markup:
    """Return a message; of a long one the start, the rest opens."""
    head = "\n".join(text.split("\n", LINES)[:LINES])[:MESSAGE]
    if len(head) == len(text):
        return text_html(text)
    return Markup('{}<details class="long"><summary>all {:,} characters</summary>{}</details>').format(
        text_html(head) + "…", len(text), text_html(text)
    )


def _exceptions(event: Event, budget: Budget) -> list[ExceptionView]:
    views = []
    outermost = list(reversed(event.exceptions))
    for place, raised in enumerate(outermost):
        if budget.spent:
            break
        message = message_html(raised.value)
        if place >= STACKS and size_of(message) > budget.left:
            message = text_html(raised.value, SHORTEST)
        budget.take(EXCEPTION_BYTES + size_of(message) + size_of(text_html(raised.type + raised.module)))
        frames, registers = raised.frames, raised.registers
        if not frames and (thread := _thread_of(raised, event)):
            frames, registers = thread.frames, registers or thread.registers
        opened = OPENED[place] if place < len(OPENED) else 0
        stack = stack_view(frames, budget, opened=opened, platform=event.platform, registers=registers)
        relation = "" if place == 0 else _relation(raised, outermost[place - 1])
        views.append(ExceptionView(raised, message, stack, relation))
    return views


def _relation(raised: Raised, above: Raised) -> str:
    siblings = above.parent_id is not None and above.parent_id == raised.parent_id
    if siblings or (above.is_group and raised.parent_id is not None and raised.parent_id == above.exception_id):
        return "one of the group"
    return "caused by"


def _thread_of(raised: Raised, event: Event) -> Thread | None:
    """Return the thread whose stack is the exception's: SDKs of native code send it there."""
    if not raised.thread_id:
        return None
    return next((thread for thread in event.threads if thread.id == raised.thread_id and thread.frames), None)


def _crash(event: Event, budget: Budget) -> ThreadView | None:
    """Return the thread that crashed, or else the current one, with a stack."""
    stacks = [thread for thread in event.threads if thread.frames]
    ranked = sorted(stacks, key=lambda thread: (not thread.crashed, not thread.current, not thread.main))
    return _thread(ranked[0], budget, event.platform, OPENED[0]) if ranked else None


def _threads(event: Event, crash: ThreadView | None, budget: Budget) -> tuple[list[ThreadView], int]:
    """Return the threads but the one in the trace; crashed, current and main ones first; and how many do not fit."""
    rest = [
        thread for thread in event.threads
        if (thread.frames or thread.state or thread.name) and (crash is None or thread is not crash.thread)
    ]  # fmt: skip
    rest.sort(key=lambda thread: (not thread.crashed, not thread.current, not thread.main))
    views: list[ThreadView] = []
    while len(views) < len(rest) and not budget.spent:
        views.append(_thread(rest[len(views)], budget, event.platform, 0))
    return views, len(rest) - len(views)


def _thread(thread: Thread, budget: Budget, platform: str, opened: int) -> ThreadView:
    budget.take(THREAD_BYTES + size_of(text_html(thread.name + thread.state)))
    stack = stack_view(thread.frames, budget, opened=opened, platform=platform, registers=thread.registers)
    names = (frame.function or frame.symbol for frame in reversed(thread.frames))
    top = next(filter(None, names), "")
    return ThreadView(thread, stack, top[:120])


def _crumbs(crumbs: Sequence[Breadcrumb], budget: Budget) -> list[CrumbView]:
    """Return the breadcrumbs, oldest first; the last ones take their part of the budget first."""
    views: list[CrumbView] = []
    for crumb in reversed(crumbs):
        if views and _alike(views[-1].crumb, crumb):
            views[-1] = views[-1]._replace(times=views[-1].times + 1)
            continue
        if not budget.take(CRUMB_BYTES):
            break
        said = message_html(crumb.message)
        budget.take(size_of(said))
        if crumb.data:
            said += Markup(" {}").format(value_html(crumb.data, budget, 1))
        views.append(CrumbView(crumb, said, 1))
    return views[::-1]


def _alike(one: Breadcrumb, other: Breadcrumb) -> bool:
    fields = ("type", "category", "level", "message", "data")
    return all(getattr(one, name) == getattr(other, name) for name in fields)


def _facts(event: Event) -> list[tuple[str, str]]:
    """Return the known ones of the short facts."""
    handled = {True: "yes", False: "no", None: ""}[handled_of(event)]
    facts = [
        ("Level", event.level), ("Handled", handled), ("Release", event.release), ("Environment", event.environment),
        ("Platform", event.platform), ("Server", event.server), ("Transaction", event.transaction),
        ("Logger", event.logger), ("URL", event.url), ("SDK", f"{event.sdk_name} {event.sdk_version}".strip()),
    ]  # fmt: skip
    return [(name, value) for name, value in facts if value]


def _main_tables(event: Event, budget: Budget) -> tuple[list[Table], int]:
    """Return the tables below the trace, and how many do not fit."""
    tables, dropped = [], 0
    for table in _tables(event, budget):
        if table.rows or table.folded:
            tables.append(table)
        else:
            dropped += 1
    return tables, dropped


def _tables(event: Event, budget: Budget, only: Sequence[str] = ()) -> Iterator[Table]:
    """Yield the tables that are not empty: those named, or all others but the side column's."""
    user = {name: value for name, value in msgspec.to_builtins(event.user).items() if value}
    for anchor, heading, values in (
        ("user", "User", user),
        ("tags", "Tags", event.tags),
        ("request", "Request", event.request),
        *((f"context-{place}", HEADINGS.get(str(name), str(name).replace("_", " ").capitalize()), value)
          for place, (name, value) in enumerate(event.contexts.items())),
        ("extra", "Custom data", event.extra),
        ("modules", "Modules", dict(sorted(event.modules.items(), key=lambda item: item[0].lower()))),
        ("images", "Loaded binaries", _images(event.images)),
    ):  # fmt: skip
        if values and (anchor in only if only else anchor not in SIDE_TABLES):
            yield table_of(anchor, heading, values if isinstance(values, dict) else {"value": values}, budget)


def table_of(anchor: str, heading: str, values: Mapping[str, Any], budget: Budget) -> Table:
    """Return a table of names and values, as far as the budget allows."""
    rows: list[tuple[str, Markup]] = []
    budget.take(size_of(heading) + 4 * ROW_BYTES)
    for name, value in list(values.items())[:MOST_ROWS]:
        if not budget.take(ROW_BYTES + size_of(text_html(str(name), 200))):
            break
        rows.append((str(name)[:200], value_html(value, budget)))
    # One or two rows more are shorter than the line that would open them.
    sight = 0 if anchor in FOLDED_TABLES else len(rows) if len(rows) <= ROWS + 2 else ROWS
    return Table(anchor, heading[:200], len(values), rows[:sight], rows[sight:], len(values) - len(rows))


def _images(images: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the binaries that were loaded, by name: where, and their debug id."""
    found = {}
    for image in images:
        name = str(image.get("code_file") or image.get("name") or image.get("debug_file") or "?")
        parts = [str(image[key]) for key in ("image_addr", "image_size", "debug_id", "arch") if image.get(key)]
        found[name] = " · ".join(parts)
    return dict(sorted(found.items()))
