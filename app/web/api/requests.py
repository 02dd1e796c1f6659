"""The bodies of the API's requests as types: they are read, and described in ``openapi.json``, by these."""

from typing import Annotated

import msgspec
from msgspec import Meta


class ProjectBody(msgspec.Struct):
    """A project to be created."""

    name: str


class StatusBody(msgspec.Struct):
    """A group's new status: open, resolved or ignored.

    ``resolved`` may wait for the ``next_release``; ``ignored`` may end after ``events`` or ``days``.
    """

    status: Annotated[str, Meta(extra_json_schema={"enum": ["open", "resolved", "ignored"]})]
    next_release: bool = False
    events: int | None = None
    days: int | None = None


class MergeBody(msgspec.Struct):
    """The group that takes this group's events from now on."""

    into: str
