"""The table of the API's routes. What is served, described in ``openapi.json`` and guarded comes from here alone."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from aiohttp import web

from app.web.api import events, grouping, numbers, replies, requests
from app.web.call import Call
from app.web.live import stream
from app.web.params import (
    EventQuery,
    GroupsQuery,
    LedgerQuery,
    RangeQuery,
    RatesQuery,
    ReleasesQuery,
    RulesQuery,
    SearchQuery,
    TimingsQuery,
)

Handler = Callable[[Call], Coroutine[Any, Any, web.StreamResponse]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One method of one path of the API."""

    method: str = "GET"
    path: str
    handler: Handler
    summary: str
    reply: Any
    """The type of the reply; None where it is not JSON, but of the type ``media``."""
    query: type[msgspec.Struct] | None = None
    """The type that the handler reads the query string as."""
    body: Any = None
    """The type of the request's body."""
    status: int = 200
    media: str = "application/octet-stream"
    streams: bool = False
    """Whether the reply goes on until the client ends it."""


PROJECT: Final = "/api/v1/projects/{project}"
GROUP: Final = "/api/v1/groups/{group}"
EVENT: Final = "/api/v1/events/{event}"

ROUTES: Final = (
    Route(path="/api/v1/projects", handler=numbers.projects, summary="Projects with their keys",
          reply=replies.ProjectsReply),
    Route(method="POST", path="/api/v1/projects", handler=numbers.create_project, summary="Create a project",
          reply=replies.ProjectReply, body=requests.ProjectBody, status=201),
    Route(path=f"{PROJECT}/groups", handler=numbers.groups, summary="Groups of a range",
          reply=replies.GroupsReply, query=GroupsQuery),
    Route(path=f"{PROJECT}/rates", handler=numbers.rates, summary="Counts by window",
          reply=replies.RatesReply, query=RatesQuery),
    Route(path=f"{PROJECT}/releases", handler=numbers.releases, summary="Releases with their health",
          reply=replies.ReleasesReply, query=ReleasesQuery),
    Route(path=f"{PROJECT}/environments", handler=numbers.environments, summary="Environments with their counts",
          reply=replies.EnvironmentsReply, query=RangeQuery),
    Route(path=f"{PROJECT}/timings", handler=numbers.timings, summary="Page and request timings by name",
          reply=replies.TimingsReply, query=TimingsQuery),
    Route(path=f"{PROJECT}/received", handler=numbers.received, summary="What was received and not kept, by kind",
          reply=replies.ReceivedReply, query=RangeQuery),
    Route(path=f"{PROJECT}/search", handler=events.search, summary="Events by words and fields",
          reply=replies.SearchReply, query=SearchQuery),
    Route(path=f"{PROJECT}/live", handler=stream.live, reply=None, streams=True,
          media="text/event-stream",
          summary="Changes as server-sent events: window, group, watermark, reset"),
    Route(path=GROUP, handler=events.group, summary="One group, with why it grouped", reply=replies.GroupDetail),
    Route(method="POST", path=GROUP, handler=events.set_status, reply=replies.GroupDetail,
          summary="Resolve, ignore or reopen a group", body=requests.StatusBody),
    Route(path=f"{GROUP}/events", handler=events.group_events, summary="Events of a group",
          reply=replies.SearchReply, query=SearchQuery),
    Route(method="POST", path=f"{GROUP}/merge", handler=events.merge, summary="Merge into another group",
          reply=replies.GroupReply, body=requests.MergeBody),
    Route(method="POST", path=f"{GROUP}/unmerge", handler=events.unmerge, summary="Undo merges",
          reply=replies.GroupReply),
    Route(path=f"{GROUP}/similar", handler=grouping.similar, summary="Similar groups, with score and reasons",
          reply=replies.SimilarReply),
    Route(method="POST", path=f"{GROUP}/similar", handler=grouping.decide, reply=replies.SimilarReply,
          summary="Merge another group into this one, or keep both apart for good", body=requests.DecisionBody),
    Route(path=f"{PROJECT}/rules", handler=grouping.rules, summary="The project's grouping rules",
          reply=replies.RulesReply, query=RulesQuery),
    Route(method="PUT", path=f"{PROJECT}/rules", handler=grouping.set_rules, reply=replies.RulesReply,
          summary="Make a new version of the project's grouping rules", body=requests.RulesBody),
    Route(path=EVENT, handler=events.event, summary="One event in full", reply=replies.EventReply, query=EventQuery),
    Route(path=f"{EVENT}/raw", handler=events.event_raw, summary="The event's own bytes, scrubbed", reply=None,
          query=EventQuery),
    Route(path="/api/v1/ledger", handler=numbers.ledger, summary="The outcome of every record, by minute and category",
          reply=replies.LedgerReply, query=LedgerQuery),
)  # fmt: skip
