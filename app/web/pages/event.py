"""One event in full: its exceptions with their frames, breadcrumbs, threads, facts and tables."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec
from aiohttp import web

from app.model import Event, Frame, Raised
from app.stores.search.contract import Document
from app.web import params, queries
from app.web.call import Call
from app.web.pages.shell import if_available, shell
from app.web.params import Range
from app.web.queries import FullEvent
from app.web.render import page

SIDE_TABLES: Final = ("user", "tags")
"""Tables in the side column; the others stand below the exceptions."""
HEADINGS: Final = {"os": "OS", "gpu": "GPU", "app": "Application"}
"""Headings of contexts whose names are not words."""
NEIGHBOURS: Final = 50
"""Events after this one that are searched for the next one."""


class FrameView(NamedTuple):
    """A frame, and whether it is unfolded at first."""

    frame: Frame
    open: bool


class ExceptionView(NamedTuple):
    """One exception with its frames, innermost first."""

    raised: Raised
    runs: list[list[FrameView]]
    """One unfolded frame each, or several frames that are folded together."""
    relation: str
    """How the exception above is related to it; '' for the first."""


class Table(NamedTuple):
    """Names and values under a heading."""

    anchor: str
    heading: str
    values: dict[str, Any]


async def show(call: Call) -> web.Response:
    """Answer ``GET /events/{event}``."""
    choice = params.whole_number(call.query.get("project", ""))
    document = await queries.find_event(call.services, call.request.match_info["event"], call.access, choice)
    project = await call.services.projects.get(document.summary.project)
    full, neighbours, base, complete = await asyncio.gather(
        queries.full_event(call.services, document), if_available(_neighbours(call, document)),
        shell(call, project, "event"), call.services.complete_until(),
    )  # fmt: skip
    older, newer = neighbours or (None, None)
    return page(
        "event.html", **base, view=event_view(full), older=older, newer=newer, base=call.base, complete=complete
    )


def event_view(full: FullEvent) -> dict[str, Any]:
    """Return the values that the template ``_event.html`` needs."""
    event, summary = full.event, full.document.summary
    tables = list(_tables(event))
    return {
        "event": event,
        "title": summary.title,
        "culprit": summary.culprit,
        "group": full.group,
        "address": full.document.address,
        "exceptions": list(map(_exception, event.exceptions, [None, *event.exceptions])),
        "threads": [(thread, _runs(thread.frames)) for thread in event.threads if thread.frames],
        "facts": _facts(event),
        "tables": [table for table in tables if table.anchor not in SIDE_TABLES],
        "side_tables": [table for table in tables if table.anchor in SIDE_TABLES],
        "shift": 0 if event.happened is None else event.time - event.happened,
    }


def _exception(raised: Raised, before: Raised | None) -> ExceptionView:
    siblings = before is not None and before.parent_id is not None and before.parent_id == raised.parent_id
    relation = "" if before is None else "in the same group as the one above" if siblings else "caused by the one above"
    return ExceptionView(raised, _runs(raised.frames), relation)


def _runs(frames: list[Frame]) -> list[list[FrameView]]:
    """Split frames, innermost first, into runs. In-app frames are unfolded; without any, the innermost frame is."""
    in_app = [frame.in_app is True for frame in reversed(frames)]
    views = [FrameView(frame, own) for frame, own in zip(reversed(frames), in_app, strict=True)]
    if views and not any(in_app):
        views[0] = views[0]._replace(open=True)
    runs: list[list[FrameView]] = []
    for view in views:
        if view.open or not runs or runs[-1][0].open:
            runs.append([view])
        else:
            runs[-1].append(view)
    return runs


def _facts(event: Event) -> list[tuple[str, str]]:
    """Return the known ones of the short facts."""
    facts = [
        ("Level", event.level), ("Handled", "no" if event.unhandled else "yes" if event.exceptions else ""),
        ("Release", event.release), ("Environment", event.environment), ("Platform", event.platform),
        ("Server", event.server), ("Transaction", event.transaction), ("Logger", event.logger), ("URL", event.url),
        ("SDK", f"{event.sdk_name} {event.sdk_version}".strip()),
    ]  # fmt: skip
    return [(name, value) for name, value in facts if value]


def _tables(event: Event) -> Iterator[Table]:
    """Yield the tables that are not empty."""
    user = {name: value for name, value in msgspec.to_builtins(event.user).items() if value}
    for anchor, heading, values in (
        ("user", "User", user),
        ("request", "Request", event.request),
        ("tags", "Tags", event.tags),
        *((f"context-{place}", HEADINGS.get(str(name), str(name).replace("_", " ").capitalize()), value)
          for place, (name, value) in enumerate(event.contexts.items())),
        ("extra", "Custom data", event.extra),
        ("modules", "Modules", event.modules),
    ):  # fmt: skip
        if values:
            yield Table(anchor, heading, values if isinstance(values, dict) else {"value": values})


async def _neighbours(call: Call, document: Document) -> tuple[Document | None, Document | None]:
    """Return the events just before and just after this one in its group."""
    summary, span = document.summary, queries.searchable_range(call.services)
    members = await call.services.aggregates.members(summary.group) or [summary.group]
    before = await queries.search_events(
        call.services, summary.project, "", Range(span.start, summary.time), groups=members, limit=1
    )
    after = await queries.search_events(
        call.services, summary.project, "", Range(summary.time + 1, span.end), groups=members, limit=NEIGHBOURS
    )
    older = before.documents[0] if before.documents else None
    newer = after.documents[-1] if after.documents and not after.next else None
    return older, newer
