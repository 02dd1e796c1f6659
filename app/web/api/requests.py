"""The bodies of the API's requests as types: they are read, and described in ``openapi.json``, by these."""

from typing import Annotated, Literal

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


class DecisionBody(msgspec.Struct):
    """What a person decided about two groups: one from now on, or never."""

    other: str
    """The other group; its id, or that of one of its members."""
    decision: Literal["merge", "never"]


class RulesBody(msgspec.Struct):
    """A new version of a project's rules. What is not sent stays as it is."""

    text: str | None = None
    """TOML."""
    edited: int | None = None
    """The version that ``text`` was made from: 409 where another text is in force by now."""
    take_back: str | None = None
    """Signature of an explosion rule that is taken back for good."""


class MergeBody(msgspec.Struct):
    """The group that takes this group's events from now on."""

    into: str
