"""Settings: projects and their keys, access."""

import asyncio
from typing import Final, Literal

from aiohttp import web

from app.cells import DAY
from app.stores.admin.projects import MAX_NAME
from app.web.call import Call
from app.web.errors import ApiError, bad_request, not_found
from app.web.pages.shell import if_available, shell
from app.web.render import page

KINDS: Final = {
    "transaction": "transactions", "span": "spans", "trace_metric": "metrics of traces", "statsd": "metrics",
    "profile": "profiles", "profile_chunk": "parts of profiles", "attachment": "attachments", "log": "logs",
    "check_in": "check-ins", "feedback": "feedbacks", "user_report": "user reports", "replay_event": "replays",
    "replay_recording": "recordings of replays", "replay_video": "videos of replays", "security": "security reports",
    "nel": "network error reports", "minidump": "minidumps", "raygun_session": "Raygun sessions",
    "rum": "Raygun events without a duration", "too_many_items": "durations beyond the limit of a request",
    "too_large": "items over 1 MiB", "unknown": "items of unknown types", "unrecorded": "items of unrecorded kinds",
}  # fmt: skip
"""How the page calls each kind of item that is received and not kept."""


async def show(call: Call) -> web.Response:
    """Answer ``GET /settings``."""
    base = await shell(call, None, "settings")
    keys = await asyncio.gather(*(call.services.projects.keys(project.id) for project in base["projects"]))
    now = call.services.now() // 1000
    not_kept = await asyncio.gather(
        *(
            if_available(call.services.aggregates.not_kept(project.id, now - DAY, now + 1))
            for project in base["projects"]
        )
    )
    listed = list(zip(base["projects"], keys, not_kept, strict=True))
    return page("settings.html", **base, listed=listed, kinds=KINDS, base=call.base, longest=MAX_NAME)


async def create(call: Call) -> web.Response:
    """Answer ``POST /settings/projects``."""
    if call.access.projects is not None:
        raise ApiError(403, "forbidden", "This token is limited to some projects. It may not create one.")
    name = " ".join(str((await call.request.post()).get("name", "")).replace("\0", "").split())
    if not 1 <= len(name) <= MAX_NAME:
        raise bad_request("bad_name", f"A project's name has 1 to {MAX_NAME} characters.")
    project = await call.services.projects.create(name)
    raise web.HTTPSeeOther(f"/projects/{project.id}/start")


async def rotate(call: Call) -> web.Response:
    """Answer ``POST /settings/projects/{project}/rotate``."""
    project, name = await call.project(), str((await call.request.post()).get("protocol", ""))
    if name not in ("sentry", "raygun"):
        raise bad_request("bad_protocol", "protocol is sentry or raygun.")
    protocol: Literal["sentry", "raygun"] = "sentry" if name == "sentry" else "raygun"
    await call.services.projects.rotate_key(project.id, protocol)
    raise web.HTTPSeeOther("/settings")


async def disable(call: Call) -> web.Response:
    """Answer ``POST /settings/disable``."""
    key = str((await call.request.post()).get("key", ""))
    owner = await call.services.projects.by_key(key)
    if owner is None or not call.access.may_see(owner.project) or not await call.services.projects.disable_key(key):
        raise not_found("key")
    raise web.HTTPSeeOther("/settings")
