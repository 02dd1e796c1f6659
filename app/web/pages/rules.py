"""The grouping of one project: its version, the editor of its rules, and their history."""

from aiohttp import web
from msgspec import UNSET

from app.web import params, ruling
from app.web.call import Call
from app.web.errors import ApiError
from app.web.pages.shell import shell
from app.web.params import RulesQuery
from app.web.render import page

EXAMPLE = """\
in_app = ["acme.", "src/shop/"]
ignore_frames = ["acme.retry.", "*/middleware/*"]

[[group_by]]
name = "timeouts"
type = "TimeoutError"
by = ["type", "transaction"]

[[never_merge]]
type = "PaymentError"
"""
"""Each kind of rule once, for a project that has none."""


async def show(call: Call) -> web.Response:
    """Answer ``GET /settings/projects/{project}/rules``."""
    query = call.parameters(RulesQuery)
    return await _page(call, None if query.version is UNSET else int(query.version))


async def save(call: Call) -> web.Response:
    """Answer ``POST /settings/projects/{project}/rules``; a text that holds no rules comes back with what is wrong."""
    project, form = await call.project(), await call.request.post()
    text, edited = str(form.get("text", "")), params.whole_number(str(form.get("edited", "")))
    try:
        await ruling.set_text(call.services, project.id, text, edited)
    except ApiError as error:
        if error.code not in ("bad_rules", "rules_changed"):
            raise
        return await _page(call, None, text=text, problem=error)
    raise web.HTTPSeeOther(f"/settings/projects/{project.id}/rules")


async def take_back(call: Call) -> web.Response:
    """Answer ``POST /settings/projects/{project}/rules/take-back``."""
    project, form = await call.project(), await call.request.post()
    await ruling.take_back(call.services, project.id, str(form.get("rule", "")))
    raise web.HTTPSeeOther(f"/settings/projects/{project.id}/rules")


async def _page(
    call: Call, version: int | None, *, text: str | None = None, problem: ApiError | None = None
) -> web.Response:
    project = await call.project()
    view = await ruling.read_rules(call.services, project.id, version)
    base = await shell(call, None, "settings")
    return page(
        "rules.html", status=problem.status if problem else 200, **base, owner=project, view=view, example=EXAMPLE,
        text=view.shown.body.text if text is None else text, problem=problem.message if problem else "",
        explosions=[(rule, ruling.template(rule)) for rule in view.shown.body.explosions],
    )  # fmt: skip
