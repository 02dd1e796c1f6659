"""One event in full: its exceptions with their frames, breadcrumbs, threads, facts and tables."""

import asyncio

from aiohttp import web

from app.web import params, queries
from app.web.call import Call
from app.web.pages.event_view import event_view
from app.web.pages.group import why_of
from app.web.pages.position import position_of
from app.web.pages.shell import if_available, page_range, shell
from app.web.render import page


async def show(call: Call) -> web.Response:
    """Answer ``GET /events/{event}``."""
    choice = params.whole_number(call.query.get("project", ""))
    document = await queries.find_event(call.services, call.request.match_info["event"], call.access, choice)
    project = await call.services.projects.get(document.summary.project)
    full, position, base, complete, shown = await asyncio.gather(
        queries.full_event(call.services, document), if_available(position_of(call, document)),
        shell(call, project, "event"), call.services.complete_until(), page_range(call, document.summary.project),
    )  # fmt: skip
    facts = full.report.facts
    why = await if_available(queries.explain(call.services, full.event, facts.grouping, facts.project_rules))
    return page(
        "event.html", **base, view=event_view(full), row=full.row, position=position, base=call.base,
        complete=complete, why=None if why is None else why_of(why), grouping=facts.grouping, page_range=shown,
        back=call.request.path_qs,
    )  # fmt: skip
