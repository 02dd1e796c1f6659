"""The documentation of the HTTP API, rendered from ``openapi.json``."""

from typing import Any, Final, NamedTuple

from aiohttp import web

from app.web.render import page

CHAPTERS: Final = {"projects": "Projects", "groups": "Groups", "events": "Events", "server": "Server"}
"""Tags of the document in the order of the page, and their headings."""


class Field(NamedTuple):
    """A parameter or a property."""

    name: str
    type: str
    link: str
    """The schema that it is made of, "" for none."""
    about: str
    where: str = ""
    """Where a parameter stands: path or query."""


class Operation(NamedTuple):
    """One method of one path."""

    id: str
    method: str
    path: str
    summary: str
    parameters: list[Field]
    body: str
    """The schema of the request's body, "" for none."""
    reply: str
    """The schema of the reply, "" where it is not JSON."""
    media: str
    """The media type of the reply."""
    is_open: bool
    """Whether it needs no token."""


def api_page(document: dict[str, Any], base: str) -> web.Response:
    """Answer with the documentation; ``base`` is the server's address in its examples."""
    chapters: dict[str, list[Operation]] = {tag: [] for tag in CHAPTERS}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            chapters[operation["tags"][0]].append(_operation(method, path, operation))
    schemas = {name: (schema.get("description", ""), _fields(schema))
               for name, schema in sorted(document["components"]["schemas"].items())}  # fmt: skip
    return page(
        "api.html", chapters=[(CHAPTERS[tag], tag, operations) for tag, operations in chapters.items()],
        schemas=schemas, about=document["info"]["description"], base=base, projects=[], project=None, section="api",
        csrf="", query={}, alerts=[],
    )  # fmt: skip


def _operation(method: str, path: str, operation: dict[str, Any]) -> Operation:
    answer = next(value for status, value in operation["responses"].items() if status.startswith("2"))
    media, content = next(iter(answer["content"].items()))
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        parameters=[
            Field(item["name"], *_type(item["schema"]), item["description"], item["in"])
            for item in operation.get("parameters", [])
        ],
        body=_type(body)[1],
        reply=_type(content["schema"])[1],
        media=media,
        is_open=operation.get("security") == [],
    )


def _fields(schema: dict[str, Any]) -> list[Field]:
    return [
        Field(name, *_type(value), value.get("description", "")) for name, value in schema.get("properties", {}).items()
    ]


def _type(schema: dict[str, Any]) -> tuple[str, str]:
    """Return the type of a schema in words, and the name of the component that it is made of."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return name, name
    for key in ("allOf", "anyOf"):
        if key in schema:
            parts = [_type(part) for part in schema[key]]
            return " or ".join(text for text, _ in parts), next((link for _, link in parts if link), "")
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"])), ""
    if schema.get("type") == "array":
        text, link = _type(schema.get("items") or {})
        return f"list of {text}", link
    kind = schema.get("type", "anything")
    text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return {"date-time": "time", "binary": "bytes"}.get(schema.get("format", ""), text), ""
