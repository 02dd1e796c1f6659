"""The API's grouping: similar groups and what a person decides about them, the rules of a project."""

from aiohttp import web
from msgspec import UNSET

from app.web import ruling
from app.web.api import present, replies, requests
from app.web.call import Call
from app.web.errors import ApiError
from app.web.params import RulesQuery
from app.web.respond import reply


async def similar(call: Call) -> web.Response:
    """Answer ``GET /api/v1/groups/{group}/similar``."""
    row = await call.group()
    links = await call.services.aggregates.similar(row.id)
    return reply(replies.SimilarReply(similar=[present.similar(link) for link in links]))


async def decide(call: Call) -> web.Response:
    """Answer ``POST /api/v1/groups/{group}/similar``."""
    row, body = await call.group(), await call.body(requests.DecisionBody)
    await ruling.decide(call.services, row, body.other, body.decision)
    return await similar(call)


async def rules(call: Call) -> web.Response:
    """Answer ``GET /api/v1/projects/{project}/rules``."""
    project, query = await call.project(), call.parameters(RulesQuery)
    version = None if query.version is UNSET else int(query.version)
    return reply(present.rules(project, await ruling.read_rules(call.services, project.id, version)))


async def set_rules(call: Call) -> web.Response:
    """Answer ``PUT /api/v1/projects/{project}/rules``."""
    project, body = await call.project(), await call.body(requests.RulesBody)
    if body.text is None and body.take_back is None:
        raise ApiError(400, "bad_body", "Send text, the rules as TOML, or take_back, an explosion rule's signature.")
    if body.text is not None:
        await ruling.set_text(call.services, project.id, body.text, body.edited)
    if body.take_back is not None:
        await ruling.take_back(call.services, project.id, body.take_back)
    return reply(present.rules(project, await ruling.read_rules(call.services, project.id)))
