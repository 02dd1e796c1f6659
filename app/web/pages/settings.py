"""Settings: projects and their keys, each with what it does said in one sentence."""

import asyncio
from typing import Literal

from aiohttp import web

from app.web.call import Call
from app.web.errors import bad, missing
from app.web.pages.shell import around
from app.web.render import page

MAX_NAME = 100


async def show(call: Call) -> web.Response:
    """Answer ``GET /settings``."""
    shell = await around(call, None, "settings")
    keys = await asyncio.gather(*(call.services.projects.keys(each.id) for each in shell["projects"]))
    listed = list(zip(shell["projects"], keys, strict=True))
    return page("settings.html", **shell, listed=listed, base=call.base)


async def create(call: Call) -> web.Response:
    """Answer ``POST /settings/projects``."""
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
    form = await call.request.post()
    if not await call.services.projects.disable_key(str(form.get("key", ""))):
        raise missing("key")
    raise web.HTTPSeeOther("/settings")
