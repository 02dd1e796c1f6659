"""Collects the named values of an event that search compares as a whole: types, user, transaction, contexts."""

from itertools import islice
from typing import Any, Final

from app.model import Event
from app.normalise.fields import plain
from app.normalise.text import SHORT
from app.normalise.user_agents import contexts_of

MAX_FIELDS: Final = 64
"""Values of contexts; they bound the size of a document."""

MAX_DEPTH: Final = 4
MAX_LIST: Final = 10
"""Values of one list that are read."""

_OWN: Final = frozenset({"user", "tag"})
"""Names of contexts that would look like other fields."""


def search_fields(event: Event) -> dict[str, str]:
    """Return name -> value, none empty, of at most ``SHORT`` characters; several values stand one a line.

    ``type`` has the types of all exceptions; ``handled`` is ``true`` or ``unknown`` (what is not handled is the
    summary's ``unhandled``); values of contexts are named ``context.key``.
    """
    fields = _of_contexts(contexts_of(event))
    user = event.user
    if user.identity:
        _set(fields, "user.id", user.id)
        _set(fields, "user.email", user.email)
        _set(fields, "user.username", user.username)
        _set(fields, "user.ip", user.ip_address)
    _set(fields, "user.name", user.name)
    _set(fields, "transaction", event.transaction)
    _set(fields, "logger", event.logger)
    if event.exceptions:
        _set(fields, "type", "\n".join(dict.fromkeys([raised.type[:SHORT] for raised in event.exceptions])).strip("\n"))
        if not event.unhandled:
            fields["handled"] = "true" if any(raised.handled for raised in event.exceptions) else "unknown"
    return fields


def _set(fields: dict[str, str], name: str, text: str) -> None:
    if text:
        fields[name] = text


def _of_contexts(contexts: dict[str, Any]) -> dict[str, str]:
    """Return the values of contexts by name, the first ``MAX_FIELDS``: those of all contexts before what is in them."""
    fields: dict[str, str] = {}
    level = [(name, value) for name, value in contexts.items() if name not in _OWN]
    for _ in range(MAX_DEPTH):
        below: list[tuple[str, Any]] = []
        for prefix, value in level:
            for key, item in value.items() if isinstance(value, dict) else (("value", value),):
                if isinstance(item, dict):
                    below.append((f"{prefix}.{key}", item))
                elif text := item if type(item) is str else _text(item):
                    fields[f"{prefix}.{key}"] = text
            if len(fields) >= MAX_FIELDS:
                break
        level = below
        if not level or len(fields) >= MAX_FIELDS:
            break
    if len(fields) > MAX_FIELDS:
        fields = dict(islice(fields.items(), MAX_FIELDS))
    if max(map(len, (*fields, *fields.values())), default=0) > SHORT:
        fields = {name[:SHORT]: text[:SHORT] for name, text in fields.items()}
    return fields


def _text(value: object) -> str:
    if not isinstance(value, list):
        return plain(value)
    return "\n".join([text for item in value[:MAX_LIST] if (text := plain(item))])
