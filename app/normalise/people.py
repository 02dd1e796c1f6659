"""Reads the user of an event, from either protocol."""

from typing import Any, Final

from app.model import Facts, User
from app.normalise.fields import plain
from app.normalise.sentry_shape import FullSentryEvent, LightFrame, SentryEvent
from app.normalise.text import SHORT, Notes, tidy

AUTO: Final = "{{auto}}"
"""The placeholder by which SDKs leave the address to the server."""

_NAMED: Final = frozenset(("id", "email", "username", "ip_address", "name"))


def sentry_user(raw: SentryEvent[LightFrame], facts: Facts, notes: Notes) -> User:
    """Return the user; its address is the peer's where the SDK leaves it to the server."""
    fields = raw.user
    inferred = raw.sdk is not None and raw.sdk.settings is not None and raw.sdk.settings.infer_ip == "auto"
    if fields is not None and not isinstance(fields, dict):
        notes.add("user dropped: wrong type")
    if not isinstance(fields, dict):
        return User(ip_address=facts.peer) if inferred else User()
    user = User(
        id=plain(fields.get("id")),
        email=plain(fields.get("email")),
        username=plain(fields.get("username")),
        ip_address=plain(fields.get("ip_address")),
        name=plain(fields.get("name")),
    )
    if user.ip_address == AUTO or (inferred and not user.ip_address):
        user.ip_address = facts.peer
    if isinstance(raw, FullSentryEvent):
        user.extra = tidy({key: value for key, value in fields.items() if key not in _NAMED})
    return user


def raygun_user(value: Any, notes: Notes, *, full: bool) -> User:  # noqa: ANN401  text or an object
    """Return the user of a Raygun body: identifier, uuid, email in this order; plain text is an identifier."""
    if value is None:
        return User()
    if isinstance(value, str | int):
        return User(id=plain(value))
    if not isinstance(value, dict):
        notes.add("user dropped: wrong type")
        return User()
    fields = {key.lower(): item for key, item in value.items()}
    name = plain(fields.get("fullname")) or plain(fields.get("firstname"))
    user = User(
        id=plain(fields.get("identifier")) or plain(fields.get("uuid"))[:SHORT],
        email=plain(fields.get("email")),
        name=name,
    )
    if full and "isanonymous" in fields:
        user.extra = {"is_anonymous": tidy(fields["isanonymous"])}
    return user
