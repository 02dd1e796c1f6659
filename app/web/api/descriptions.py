"""Describes the properties of the API's types for ``openapi.json``: by the text below a field, else by its name."""

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import Any, Final

import msgspec

NAMES: Final = {
    "abs_path": "The file's whole path, or its address.",
    "accepted": "Records in the log: the sum of the six outcomes.",
    "address": "The permanent address of the raw report.",
    "adoption": "Sessions of the release / of the project, 0 to 1; null without sessions.",
    "author": "Who made the version: a person, or the comparison of groups.",
    "breadcrumbs": "What happened before the event, oldest first.",
    "by": "Who joined or parted the groups, or whose suggestion it is.",
    "category": "What the records are: error, session, timing or other.",
    "cause": "`Type: message` of the exception that decided, where it is not the one of the title; empty otherwise.",
    "code": "A stable code.",
    "column": "The column of the source, from 1.",
    "complete_until": "Everything received before this time is counted, ISO-8601; null while the log does not answer.",
    "context": "Lines around the failing one, as (line number, text).",
    "contexts": "What the SDK knows of its surroundings, by name.",
    "count": "Crashes in the range; of timings, the measurements.",
    "counted": "Whether the part decided the group.",
    "crash_free_sessions": "1 - crashed / all sessions, 0 to 1; null without sessions.",
    "crash_free_users": "1 - users of crashed sessions / of all sessions, 0 to 1; null without sessions.",
    "crashed": "Whether this thread crashed.",
    "crashed_sessions": "Sessions that ended in a crash.",
    "crashes": "Events of level error or fatal, handled or not.",
    "created": "When it was made, ISO-8601; null where there is no version.",
    "culprit": "The function and its module that decided the group; empty where unknown.",
    "current": "Whether this thread made the report.",
    "data": "What the breadcrumb holds besides.",
    "days": "Ignore the group for so many days.",
    "dead_lettered": "Records that can never be processed.",
    "decided": "When it was decided or suggested, ISO-8601.",
    "decision": "`merge` joins the groups from now on, `never` keeps them apart for good.",
    "dsn": "The DSN for Sentry SDKs.",
    "duplicate": "Later copies of events that counted.",
    "environment": "The environment that the application named.",
    "environments": "The environments, those with the most sessions and crashes first.",
    "error": "The error.",
    "event_id": "The event's id, 32 hex digits.",
    "events": "The events of the page; in a decision: ignore the group until so many more.",
    "exceptions": "The chain of exceptions: causes first, the outermost last.",
    "explosions": "The rules that the comparison of groups made.",
    "extra": "The application's own data.",
    "field": "A name of the query that no event of the range has.",
    "file": "The file of the source.",
    "filtered": "Items that are not kept by their kind or size.",
    "fingerprint": "The fingerprint that the application set; empty for none.",
    "first_release": "The release in which the group was first seen; null for none.",
    "first_seen": "The first time, ISO-8601.",
    "frames": "The frames, innermost last.",
    "from": "The start of the range that was answered, ISO-8601.",
    "function": "The function's name.",
    "group": "The id of the group.",
    "grouped": "Records that became events, sessions or timings.",
    "grouping": "The version of the grouping.",
    "groups": "The groups of the page, in the order asked for.",
    "handled": "Whether the application handled it; null where the SDK does not say.",
    "happened": "The event's own time as sent, ISO-8601; null without one.",
    "id": "The id.",
    "in_app": "Whether the frame is of the application itself; null where not said.",
    "in_flight": "Records of the log that are not counted yet.",
    "into": "The id of the group that takes the events.",
    "kind": "The kind.",
    "last_seen": "The last time, ISO-8601.",
    "level": "The severity.",
    "line": "The line of the source, from 1.",
    "logger": "The logger that wrote it.",
    "lost": "What SDKs report as not sent.",
    "mechanism": "How the SDK caught it.",
    "members": "The ids whose events belong to the group, its own first.",
    "message": "A text for people.",
    "messages": "Events below level error.",
    "minutes": "The minutes, oldest first.",
    "module": "The module or package.",
    "modules": "The libraries of the application: name and version.",
    "name": "The name.",
    "next": "The cursor of the following page; null on the last.",
    "next_release": "Resolve in the next release alone.",
    "not_kept": "The kinds, the most frequent first.",
    "notes": "What was corrected on receipt.",
    "offset": "The offset in the partition.",
    "p50": "The median, ms.",
    "p75": "The 75th percentile, ms.",
    "p95": "The 95th percentile, ms.",
    "p99": "The 99th percentile, ms.",
    "partition": "The partition of the topic.",
    "platform": "The platform, such as python.",
    "points": "The windows that are not empty, oldest first.",
    "project": "The id of the project.",
    "projects": "The projects.",
    "quantity": "How many.",
    "rate_limited": "Records that a limit refused.",
    "raw": "The part as it was sent.",
    "raygun_key": "The key for Raygun SDKs.",
    "ready": "Whether the process can do its work.",
    "reason": "The reason, as the SDK names it.",
    "reasons": "What does not work: code and sentence.",
    "received": "When ingest received it, ISO-8601.",
    "registers": "The registers of the processor, by name.",
    "release": "The release; empty or null for none.",
    "releases": "The releases, the newest first.",
    "request": "The request during which it happened.",
    "sample": "The event that the group is shown by: its id and address.",
    "sdk": "The SDK, its name and version.",
    "sent": "When the SDK sent it by its own clock, ISO-8601; null without.",
    "server": "The server's name.",
    "sessions": "Sessions that began in the window or range; null where a group is asked for.",
    "similar": "The links of the group, the strongest first; of an unknown name, names like it.",
    "sizes": "The sizes of the windows that were summed, s.",
    "source": "The failing line of the source.",
    "start": "The start of the window, ISO-8601.",
    "status": "The status.",
    "symbol": "The function's name as the linker knows it.",
    "tags": "The tags, name to value.",
    "threads": "The threads at the time of the crash.",
    "time": "When it happened, corrected, ISO-8601.",
    "timings": "The names, the most frequent first.",
    "title": "Type and message, at most 200 characters.",
    "to": "The end of the range that was answered, ISO-8601; the range does not include it.",
    "topic": "The topic, with the generation of the log.",
    "total": "How many there are on all pages.",
    "transaction": "The transaction, or route.",
    "type": "The type.",
    "unhandled": "Crashes that were not handled; of one event or group, whether it was one.",
    "unhandled_sessions": "Sessions that ended with an unhandled error, which is no crash of a session.",
    "unknown": "Names of the query that no event of the range has as field, tag or context.",
    "url": "The address that was requested.",
    "user": "The user as the SDK named it.",
    "users": "Distinct users with a crash.",
    "value": "The value.",
    "vars": "Local variables, name to value.",
    "version": "The number of the version.",
    "why": "The parts that grouping examined, or why one counted.",
    "window": "The size of the windows.",
}
"""What a property of this name is, in every type whose field has no text of its own."""

MODULES: Final = ("app.",)


def describe(schemas: dict[str, Any], types: dict[str, type[msgspec.Struct]]) -> None:
    """Add a description to each property of the schemas, which are of these types by name."""
    for name, schema in schemas.items():
        own = _texts(types[name]) if name in types else {}
        for property_name, property_ in schema.get("properties", {}).items():
            text = own.get(property_name) or NAMES.get(property_name)
            if text and "description" not in property_:
                _add(property_, text)


def _add(property_: dict[str, Any], text: str) -> None:
    """Describe a property; a reference may have no other keyword beside it in every reader's eyes."""
    if "$ref" in property_:
        property_["allOf"] = [{"$ref": property_.pop("$ref")}]
    property_["description"] = text


def _texts(kind: type) -> dict[str, str]:
    """Return the texts below the fields of a class and of its bases, by the fields' names in JSON."""
    texts: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith(MODULES):
            texts |= _own_texts(base)
    encoded = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    return {encoded.get(name, name): text for name, text in texts.items()}


def _own_texts(kind: type) -> dict[str, str]:
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    texts = {}
    for field, below in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            text = ast.literal_eval(below.value) if isinstance(below.value, ast.Constant) else ""
            texts[field.target.id] = " ".join(str(text).split())
    return texts
