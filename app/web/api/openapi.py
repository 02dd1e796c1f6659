"""Builds ``openapi.json`` from the table of routes and the types of queries, bodies and replies."""

import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, get_args

import msgspec

from app.web import params
from app.web.api import descriptions, replies
from app.web.api.routes import Route

PATH_PARAMETERS: Final = {
    "project": ("A project's id.", {"type": "integer"}),
    "group": ("A group's id.", {"type": "string"}),
    "event": ("An event's id, 32 hex digits, with or without dashes.", {"type": "string"}),
}
TAGS: Final = {"projects": "projects", "groups": "groups", "events": "events", "ledger": "server"}
"""Part of the API's path -> chapter of the documentation."""
OPEN: Final = {
    "/healthz": ("The process runs", dict),
    "/readyz": ("The process can do its work; 503 with the reasons where it cannot", replies.HealthReply),
    "/metrics": ("Prometheus metrics", "text/plain"),
    "/api/v1/openapi.json": ("This document", dict),
}
"""Paths that need no token: summary, and type or media type of the reply."""


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these routes."""
    types = [replies.ErrorReply, replies.HealthReply, *{route.reply for route in routes if route.reply},
             *{route.body for route in routes if route.body}]  # fmt: skip
    types.sort(key=lambda kind: str(kind.__name__))
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    descriptions.describe(schemas, _structs(types))
    _only_items(schemas)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    for path, (summary, kind) in OPEN.items():
        paths[path] = {
            "get": {
                "summary": summary,
                "operationId": path.strip("/").replace("/", "_").replace(".", "_"),
                "security": [],
                "tags": ["server"],
                "responses": {"200": _answer(kind)},
            }
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Faultline",
            "version": _version(),
            "description": "Crash reports, their groups, and exact crash rates. Times are ISO-8601 in UTC. Send a "
            "token as a bearer token.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation = {
        "summary": route.summary,
        "operationId": route.handler.__name__,
        "tags": [TAGS[route.path.split("/")[3]]],
        "parameters": [*_path_parameters(route.path), *_query_parameters(route.query)],
        "responses": {str(route.status): _answer(route.reply or route.media), "default": _answer(replies.ErrorReply)},
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(route.body)}
    return operation


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "description": about, "schema": schema}
        for name in re.findall(r"{(\w+)}", path)
        for about, schema in [PATH_PARAMETERS[name]]
    ]


def _query_parameters(query: type[msgspec.Struct] | None) -> list[dict[str, Any]]:
    if query is None:
        return []
    schema = msgspec.json.schema(query, schema_hook=params.SCHEMAS.__getitem__)
    properties: dict[str, dict[str, Any]] = schema["$defs"][query.__name__]["properties"]
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": property_.pop("description"),
            "schema": property_,
        }
        for name, property_ in properties.items()
    ]


def _answer(kind: Any) -> dict[str, Any]:  # noqa: ANN401  a reply's type, or its media type
    if isinstance(kind, str):
        schema = {"type": "string", "format": "binary"} if kind == "application/octet-stream" else {"type": "string"}
        return {"description": "Answer", "content": {kind: {"schema": schema}}}
    return {"description": "Answer", "content": _content(kind)}


def _structs(types: Sequence[Any]) -> dict[str, type[msgspec.Struct]]:
    """Return these types and all that their fields are made of, by name."""
    structs: dict[str, type[msgspec.Struct]] = {}
    waiting = list(types)
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            if kind.__name__ not in structs:
                structs[kind.__name__] = kind
                waiting += [field.type for field in msgspec.structs.fields(kind)]
        else:
            waiting += get_args(kind)
    return structs


def _only_items(value: Any) -> None:  # noqa: ANN401  any JSON
    """Write arrays of a fixed length by ``items`` alone: generators of clients do not know ``prefixItems`` for sure."""
    if isinstance(value, dict):
        if value.get("items") is False and "prefixItems" in value:
            value["items"] = {"anyOf": value.pop("prefixItems")}
        for inner in value.values():
            _only_items(inner)
    elif isinstance(value, list):
        for inner in value:
            _only_items(inner)


def _content(kind: Any) -> dict[str, Any]:  # noqa: ANN401  a reply's type
    plain = {"type": "object"} if kind is dict else {"$ref": f"#/components/schemas/{kind.__name__}"}
    return {"application/json": {"schema": plain}}


def _version() -> str:
    try:
        return version("faultline")
    except PackageNotFoundError:
        return "0"
