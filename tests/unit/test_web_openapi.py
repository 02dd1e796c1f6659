"""The OpenAPI document describes every route."""

import re
from typing import Any

import msgspec
from aiohttp import web

from app.web.api import openapi
from app.web.api.routes import ROUTES


def _references(value: Any) -> set[str]:  # noqa: ANN401  any JSON
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(_references, value.values()))
    return set().union(*map(_references, value)) if isinstance(value, list) else set()


def test_every_route_is_described_with_its_parameters() -> None:
    document = openapi.document(ROUTES)
    for route in ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        named = [parameter["name"] for parameter in operation["parameters"]]
        queried = [] if route.query is None else [field.encode_name for field in msgspec.structs.fields(route.query)]
        assert named == [*re.findall(r"{(\w+)}", route.path), *queried]
        assert all(parameter["description"] for parameter in operation["parameters"])
        assert str(route.status) in operation["responses"]
        assert ("requestBody" in operation) == (route.method != "GET" and route.body is not None)


def test_parameters_are_described_by_their_types() -> None:
    parameters = openapi.document(ROUTES)["paths"]["/api/v1/projects/{project}/groups"]["get"]["parameters"]
    schemas = {parameter["name"]: parameter["schema"] for parameter in parameters}
    assert schemas["project"] == {"type": "integer"}
    assert schemas["from"] == {"type": "string", "format": "date-time"}
    assert schemas["limit"] == {"type": "integer", "minimum": 1, "maximum": 200}
    assert sorted(schemas["status"]["enum"]) == ["all", "ignored", "open", "regressed", "resolved"]
    assert schemas["sort"]["default"] == "last_seen"


def test_every_property_is_described_and_values_are_listed() -> None:
    document = openapi.document(ROUTES)
    schemas = document["components"]["schemas"]
    undescribed = [
        (name, field)
        for name, schema in schemas.items()
        for field, value in schema.get("properties", {}).items()
        if not value.get("description")
    ]
    assert undescribed == []
    assert schemas["GroupReply"]["properties"]["status"]["enum"] == ["open", "resolved", "ignored", "regressed"]
    assert schemas["StatusBody"]["properties"]["status"]["enum"] == ["open", "resolved", "ignored"]
    assert "Ignored until this many more events" in schemas["GroupReply"]["properties"]["events_left"]["description"]
    live = document["paths"]["/api/v1/projects/{project}/live"]["get"]["responses"]["200"]["content"]
    assert list(live) == ["text/event-stream"]


def test_every_operation_has_an_id_of_its_own() -> None:
    paths = openapi.document(ROUTES)["paths"].values()
    ids = [operation["operationId"] for path in paths for operation in path.values()]
    assert len(set(ids)) == len(ids)


def test_every_reference_resolves() -> None:
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
