"""What the API is sent, as types: read and described in ``openapi.json`` by these."""

import msgspec


class ProjectBody(msgspec.Struct):
    """A project to be made."""

    name: str


class StatusBody(msgspec.Struct):
    """open, resolved or ignored; resolved may wait for the ``next_release``, ignored for ``events`` or ``days``."""

    status: str
    next_release: bool = False
    events: int | None = None
    days: int | None = None


class MergeBody(msgspec.Struct):
    """The group that takes the other's events from now on."""

    into: str
