"""Builds ``openapi.json`` from the table of routes and the types of queries, bodies and replies."""

import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import msgspec

from app.web import params
from app.web.api import replies
from app.web.api.routes import Route

PATH_PARAMETERS: Final = {
    "project": ("A project's id.", {"type": "integer"}),
    "group": ("A group's id.", {"type": "string"}),
    "event": ("An event's id, 32 hex digits, with or without dashes.", {"type": "string"}),
}
OPEN: Final = {
    "/healthz": ("The process runs", dict),
    "/readyz": ("The process can do its work; 503 with the reasons where it cannot", replies.HealthReply),
    "/metrics": ("Prometheus metrics", None),
    "/api/v1/openapi.json": ("This document", dict),
}
"""Paths that need no token: summary and type of the reply."""


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of these routes."""
    types = [replies.ErrorReply, replies.HealthReply, *{route.reply for route in routes if route.reply},
             *{route.body for route in routes if route.body}]  # fmt: skip
    types.sort(key=lambda kind: str(kind.__name__))
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    for path, (summary, kind) in OPEN.items():
        paths[path] = {"get": {"summary": summary, "security": [], "responses": {"200": _answer(kind)}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Faultline", "version": _version(), "license": {"name": "Apache-2.0"}},
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
        "parameters": [*_path_parameters(route.path), *_query_parameters(route.query)],
        "responses": {str(route.status): _answer(route.reply), "default": _answer(replies.ErrorReply)},
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


def _answer(kind: Any) -> dict[str, Any]:  # noqa: ANN401  a reply's type, or None
    return {"description": "Answer"} if kind is None else {"description": "Answer", "content": _content(kind)}


def _content(kind: Any) -> dict[str, Any]:  # noqa: ANN401  a reply's type
    plain = {"type": "object"} if kind is dict else {"$ref": f"#/components/schemas/{kind.__name__}"}
    return {"application/json": {"schema": plain}}


def _version() -> str:
    try:
        return version("faultline")
    except PackageNotFoundError:
        return "0"
