"""Settings: projects and their keys, each with what it does said in one sentence."""

import asyncio
from typing import Literal

from aiohttp import web

from app.stores.admin.projects import MAX_NAME
from app.web.call import Call
from app.web.errors import ApiError, bad, missing
from app.web.pages.shell import around
from app.web.render import page


async def show(call: Call) -> web.Response:
    """Answer ``GET /settings``."""
    shell = await around(call, None, "settings")
    keys = await asyncio.gather(*(call.services.projects.keys(each.id) for each in shell["projects"]))
    listed = list(zip(shell["projects"], keys, strict=True))
    return page("settings.html", **shell, listed=listed, base=call.base, longest=MAX_NAME)


async def create(call: Call) -> web.Response:
    """Answer ``POST /settings/projects``."""
    if call.access.projects is not None:
        raise ApiError(403, "forbidden", "This token may use some projects only, and make none.")
    name = " ".join(str((await call.request.post()).get("name", "")).replace("\0", "").split())
    if not 1 <= len(name) <= MAX_NAME:
        raise bad("bad_name", f"A project's name has 1 to {MAX_NAME} characters.")
    made = await call.services.projects.create(name)
    raise web.HTTPSeeOther(f"/projects/{made.id}/start")


async def rotate(call: Call) -> web.Response:
    """Answer ``POST /settings/projects/{project}/rotate``."""
    project, asked = await call.project(), str((await call.request.post()).get("protocol", ""))
    if asked not in ("sentry", "raygun"):
        raise bad("bad_protocol", "protocol is sentry or raygun.")
    protocol: Literal["sentry", "raygun"] = "sentry" if asked == "sentry" else "raygun"
    await call.services.projects.rotate_key(project.id, protocol)
    raise web.HTTPSeeOther("/settings")


async def disable(call: Call) -> web.Response:
    """Answer ``POST /settings/disable``."""
    key = str((await call.request.post()).get("key", ""))
    found = await call.services.projects.by_key(key)
    if found is None or not call.access.may_see(found.project) or not await call.services.projects.disable_key(key):
        raise missing("key")
    raise web.HTTPSeeOther("/settings")
