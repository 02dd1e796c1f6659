"""Collects the named values of an event that search compares as a whole: types, user, transaction, contexts."""

from itertools import islice
from typing import Any, Final

from app.model import Event, User
from app.normalise.fields import plain
from app.normalise.text import SHORT
from app.normalise.user_agents import contexts_of

MAX_FIELDS: Final = 64
"""Values of contexts that are read."""

LIMIT: Final = 8192
"""Characters of the names and values of contexts together, beyond which each is cut to SHORT."""

MAX_DEPTH: Final = 4
MAX_LIST: Final = 10
"""Values of one list that are read."""

_OWN: Final = frozenset({"user", "tag"})
"""Names of contexts that would look like other fields."""


def search_fields(event: Event) -> dict[str, str]:
    """Return name -> value, none empty; several values stand one a line.

    ``type`` has the types of all exceptions; ``handled`` is ``true`` or ``unknown`` (what is not handled is the
    summary's ``unhandled``); values of contexts are named ``context.key``.
    """
    fields = _of_contexts(contexts_of(event))
    _add_user(fields, event.user)
    if event.transaction:
        fields["transaction"] = event.transaction
    if event.logger:
        fields["logger"] = event.logger
    if exceptions := event.exceptions:
        if types := "\n".join([text for text in dict.fromkeys([raised.type for raised in exceptions]) if text]):
            fields["type"] = types
        if not event.unhandled:
            fields["handled"] = "true" if True in [raised.handled for raised in exceptions] else "unknown"
    return fields


def _add_user(fields: dict[str, str], user: User) -> None:
    if user.id:
        fields["user.id"] = user.id
    if user.email:
        fields["user.email"] = user.email
    if user.username:
        fields["user.username"] = user.username
    if user.ip_address:
        fields["user.ip"] = user.ip_address
    if user.name:
        fields["user.name"] = user.name


def _of_contexts(contexts: dict[str, Any]) -> dict[str, str]:
    """Return the values of contexts by name, the first ``MAX_FIELDS``: those of all contexts before what is in them."""
    fields: dict[str, str] = {}
    level = [item for item in contexts.items() if item[0] not in _OWN]
    for _ in range(MAX_DEPTH):
        below: list[tuple[str, Any]] = []
        for prefix, value in level:
            _read(fields, below, prefix, value if isinstance(value, dict) else {"value": value})
        level = below
        if not level or len(fields) >= MAX_FIELDS:
            break
    if len(fields) > MAX_FIELDS:
        fields = dict(islice(fields.items(), MAX_FIELDS))
    if len("".join(fields)) + len("".join(fields.values())) > LIMIT:
        return {name[:SHORT]: text[:SHORT] for name, text in fields.items()}
    return fields


def _read(fields: dict[str, str], below: list[tuple[str, Any]], prefix: str, values: dict[str, Any]) -> None:
    """Add the values of one object to ``fields``, and the objects in it to ``below``."""
    if len(fields) >= MAX_FIELDS:
        return
    for key, value in values.items():
        if isinstance(value, str):
            if value:
                fields[f"{prefix}.{key}"] = value
        elif isinstance(value, dict):
            below.append((f"{prefix}.{key}", value))
        elif text := _text(value):
            fields[f"{prefix}.{key}"] = text


def _text(value: object) -> str:
    if not isinstance(value, list):
        return plain(value)
    return "\n".join([text for item in value[:MAX_LIST] if (text := plain(item))])
