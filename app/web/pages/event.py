"""One event, the full picture: the chain of exceptions, what led to it, and everything around it."""

import asyncio
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from app.model import Event, Frame, Raised
from app.stores.search.contract import Document
from app.web import queries
from app.web.call import Call, whole
from app.web.pages.shell import around, part
from app.web.params import Range
from app.web.queries import Picture
from app.web.render import page

BESIDE = ("user", "tags")
"""Tables that stand beside the story; the others are below it."""
HEADINGS = {"os": "OS", "gpu": "GPU", "app": "Application"}
NEIGHBOURS = 50


class Shown(NamedTuple):
    """A frame, and whether it is open at first."""

    frame: Frame
    open: bool


class Chain(NamedTuple):
    """One exception with its frames, innermost first; runs of frames outside the application are folded together."""

    raised: Raised
    frames: list[list[Shown]]
    """Runs: one open frame each, or several folded ones."""
    lead: str
    """How the exception before it is to this one; '' for the first."""


async def show(call: Call) -> web.Response:
    """Answer ``GET /events/{event}``."""
    asked = whole(call.query.get("project", ""))
    found = await queries.document(call.services, call.request.match_info["event"], call.access, asked)
    project = await call.services.projects.get(found.summary.project)
    picture, neighbours, shell, complete = await asyncio.gather(
        queries.picture(call.services, found), part(_neighbours(call, found)), around(call, project, "event"),
        call.services.complete_until(),
    )  # fmt: skip
    older, newer = neighbours or (None, None)
    return page("event.html", **shell, view=view(picture), older=older, newer=newer, base=call.base, complete=complete)


def view(picture: Picture) -> dict[str, Any]:
    """Give what the template ``_event.html`` shows."""
    event, found = picture.event, picture.document.summary
    return {
        "event": event,
        "title": found.title,
        "culprit": found.culprit,
        "root": picture.root,
        "address": picture.document.address,
        "chain": list(map(_chain, event.exceptions, [None, *event.exceptions])),
        "threads": [(thread, _runs(thread.frames)) for thread in event.threads if thread.frames],
        "facts": _facts(event),
        "tables": [table for table in _tables(event) if table[0] not in BESIDE],
        "beside": [table for table in _tables(event) if table[0] in BESIDE],
        "shift": 0 if event.happened is None else event.time - event.happened,
    }


def _chain(raised: Raised, before: Raised | None) -> Chain:
    siblings = before is not None and before.parent_id is not None and before.parent_id == raised.parent_id
    lead = "" if before is None else "beside" if siblings else "which led to"
    return Chain(raised, _runs(raised.frames), lead)


def _runs(frames: list[Frame]) -> list[list[Shown]]:
    """Cut frames, innermost first, into runs; frames of the application are open, or the innermost where none is."""
    ours = [frame.in_app is True for frame in reversed(frames)]
    shown = [Shown(frame, own) for frame, own in zip(reversed(frames), ours, strict=True)]
    if shown and not any(ours):
        shown[0] = shown[0]._replace(open=True)
    runs: list[list[Shown]] = []
    for item in shown:
        if item.open or not runs or runs[-1][0].open:
            runs.append([item])
        else:
            runs[-1].append(item)
    return runs


def _facts(event: Event) -> list[tuple[str, str]]:
    """Give the short facts at the top, those that are known."""
    facts = [
        ("Level", event.level), ("Handled", "no" if event.unhandled else "yes" if event.exceptions else ""),
        ("Release", event.release), ("Environment", event.environment), ("Platform", event.platform),
        ("Server", event.server), ("Transaction", event.transaction), ("Logger", event.logger), ("URL", event.url),
        ("SDK", f"{event.sdk_name} {event.sdk_version}".strip()),
    ]  # fmt: skip
    return [(name, value) for name, value in facts if value]


def _tables(event: Event) -> Iterator[tuple[str, str, Any]]:
    """Give (anchor, heading, values) of each table that has anything in it."""
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
            yield anchor, heading, values if isinstance(values, dict) else {"value": values}


async def _neighbours(call: Call, document: Document) -> tuple[Document | None, Document | None]:
    """Give the events just before and just after this one in its group."""
    found, span = document.summary, queries.kept(call.services)
    members = await call.services.aggregates.members(found.group) or [found.group]
    before = await queries.find(
        call.services, found.project, "", Range(span.start, found.time), groups=members, limit=1
    )
    after = await queries.find(
        call.services, found.project, "", Range(found.time + 1, span.end), groups=members, limit=NEIGHBOURS
    )
    older = before.documents[0] if before.documents else None
    newer = after.documents[-1] if after.documents and not after.next else None
    return older, newer
