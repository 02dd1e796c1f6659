"""The API's description names everything that is served."""

import re
from typing import Any

import msgspec
from aiohttp import web

from app.web.api import openapi
from app.web.api.routes import ROUTES


def _references(found: Any) -> set[str]:  # noqa: ANN401  any JSON
    if isinstance(found, dict):
        own = {found["$ref"]} if isinstance(found.get("$ref"), str) else set()
        return own.union(*map(_references, found.values()))
    return set().union(*map(_references, found)) if isinstance(found, list) else set()


def test_every_route_is_described_with_its_parameters() -> None:
    document = openapi.document(ROUTES)
    for route in ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        named = [parameter["name"] for parameter in operation["parameters"]]
        assert named == [*re.findall(r"{(\w+)}", route.path), *route.query]
        assert str(route.status) in operation["responses"]
        assert ("requestBody" in operation) == (route.method == "POST" and route.body is not None)


def test_every_reference_leads_somewhere() -> None:
    document = msgspec.json.decode(msgspec.json.encode(openapi.document(ROUTES)))
    schemas = document["components"]["schemas"]
    assert {name.removeprefix("#/components/schemas/") for name in _references(document)} <= schemas.keys()
    assert {"from", "to", "groups", "complete_until"} <= schemas["GroupsReply"]["properties"].keys()


def test_every_path_can_be_routed() -> None:
    application = web.Application()
    for route in ROUTES:
        application.router.add_route(route.method, route.path, _never)
    assert len(application.router.routes()) == len(ROUTES)


async def _never(request: web.Request) -> web.StreamResponse:
    raise NotImplementedError(request.path)
