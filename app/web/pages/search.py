"""Search: one box, and what it finds."""

from aiohttp import web

from app.stores.contract import Hits
from app.web import queries
from app.web.call import Call
from app.web.errors import ApiError
from app.web.pages.shell import around, looked, part
from app.web.render import page


async def show(call: Call) -> web.Response:
    """Answer ``GET /projects/{project}/search``."""
    project, text = await call.project(), call.query.get("q", "")
    shown = await looked(call, project.id)
    shell = await around(call, project, "search")
    hits: Hits | None = None
    problem = ""
    try:
        hits = await part(
            queries.find(call.services, project.id, text, shown.span, limit=50, cursor=call.query.get("cursor", ""))
        )
    except ApiError as refused:
        if refused.code != "bad_query":
            raise
        problem = refused.message
    return page("search.html", **shell, hits=hits, text=text, looked=shown, problem=problem)
