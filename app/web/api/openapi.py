"""Writes ``openapi.json`` from the table of routes and the types of the replies."""

import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import msgspec

from app.web.api import replies
from app.web.api.routes import Route

ABOUT: Final = {
    "from": "ISO-8601; the range is half-open and rounded outward to windows that are kept. Default: 24 h before `to`.",
    "to": "ISO-8601. Default: now.",
    "window": "1m, 1h or 1d; default by the range. Larger in the reply where this size is kept no longer.",
    "release": "Only this release.",
    "group": "Only this group.",
    "kind": "page, view, request, asset, cached, custom or vital; default all.",
    "status": "open, resolved, ignored or regressed.",
    "sort": "last_seen, first_seen, count, users, rate (the last 5 minutes) or growth (against the range before).",
    "limit": "1 to 200; more is cut to 200.",
    "cursor": "What an earlier reply gave as `next`.",
    "q": 'Words, "phrases", -not, and field:value.',
    "project": "A project's id.",
    "event": "An event's id, 32 hex digits, with or without dashes.",
}
OPEN: Final = {
    "/healthz": ("The process runs", dict),
    "/readyz": ("The process can do its work; 503 with the reasons where not", replies.HealthReply),
    "/metrics": ("Prometheus metrics", None),
    "/api/v1/openapi.json": ("This document", dict),
}


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """Give the OpenAPI 3.1 document of these routes."""
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
    inside = [_parameter(name, "path") for name in re.findall(r"{(\w+)}", route.path)]
    operation = {
        "summary": route.summary,
        "operationId": route.handler.__name__,
        "parameters": inside + [_parameter(name, "query") for name in route.query],
        "responses": {str(route.status): _answer(route.reply), "default": _answer(replies.ErrorReply)},
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(route.body)}
    return operation


def _parameter(name: str, place: str) -> dict[str, Any]:
    kind = "integer" if name in ("project", "limit") else "string"
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": ABOUT[name],
        "schema": {"type": kind},
    }


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
