"""The table of the API's routes: what is served, documented in ``openapi.json`` and guarded comes from here alone."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from app.web.api import events, numbers, replies, requests, timing_replies
from app.web.call import Call
from app.web.live import stream

Handler = Callable[[Call], Awaitable[web.StreamResponse]]
RANGE: Final = ("from", "to")
PAGE: Final = ("limit", "cursor")


@dataclass(frozen=True)
class Route:
    """One path of the API."""

    method: str
    path: str
    handler: Handler
    summary: str
    reply: Any
    """The type of the reply; None where it is no JSON."""
    query: tuple[str, ...] = ()
    body: Any = None
    status: int = 200


P: Final = "/api/v1/projects/{project}"
G: Final = "/api/v1/groups/{group}"
E: Final = "/api/v1/events/{event}"

ROUTES: Final = (
    Route("GET", "/api/v1/projects", numbers.projects, "Projects with their keys", replies.ProjectsReply),
    Route("POST", "/api/v1/projects", numbers.create_project, "Make a project", replies.ProjectReply,
          body=requests.ProjectBody, status=201),
    Route("GET", f"{P}/groups", numbers.groups, "Groups of a range", replies.GroupsReply,
          (*RANGE, "release", "status", "sort", *PAGE)),
    Route("GET", f"{P}/rates", numbers.rates, "Counts by window", replies.RatesReply,
          ("window", *RANGE, "group", "release")),
    Route("GET", f"{P}/releases", numbers.releases, "Releases with their health", replies.ReleasesReply, RANGE),
    Route("GET", f"{P}/timings", numbers.timings, "How long pages and requests took", timing_replies.TimingsReply,
          (*RANGE, "release", "kind", "limit")),
    Route("GET", f"{P}/search", events.search, "Events by words and fields", replies.SearchReply,
          ("q", *RANGE, *PAGE)),
    Route("GET", f"{P}/live", stream.live, "Changes as server-sent events: window, group, watermark", None),
    Route("GET", G, events.group, "One group, with why it grouped", replies.GroupDetail),
    Route("POST", G, events.set_status, "Resolve, ignore (until something) or reopen", replies.GroupDetail,
          body=requests.StatusBody),
    Route("GET", f"{G}/events", events.group_events, "Events of a group", replies.SearchReply,
          ("q", *RANGE, *PAGE)),
    Route("POST", f"{G}/merge", events.merge, "Merge into another group", replies.GroupReply,
          body=requests.MergeBody),
    Route("POST", f"{G}/unmerge", events.unmerge, "Undo merges", replies.GroupReply),
    Route("GET", E, events.event, "One event in full", replies.EventReply, ("project",)),
    Route("GET", f"{E}/raw", events.event_raw, "The event's own bytes, scrubbed", None, ("project",)),
    Route("GET", "/api/v1/ledger", numbers.ledger, "What became of every record", replies.LedgerReply,
          (*RANGE, "project")),
)  # fmt: skip
