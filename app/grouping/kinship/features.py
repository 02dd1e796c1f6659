"""What one first sight of a key in a release tells the comparison of keys: plain, bounded values."""

import re
from typing import Final, NamedTuple

import msgspec

from app.grouping.g2.decision import Decision, Spot
from app.grouping.g2.key import VERSION
from app.model import Address, Event

SCHEMA: Final = 1
TEXT: Final = 512
"""Characters of the message's first line and of its template."""
NAME: Final = 200
"""Characters of a type, a place, a release."""
FRAMES: Final = 40
TOKENS: Final = 16
DAY: Final = 86_400_000
"""Milliseconds."""

_HOLE: Final = re.compile(r"%(?:\(\w{1,40}\))?[-#0 +]{0,4}[\d.*]{0,8}[a-zA-Z]|\{[^{}]{0,40}\}")
"""What a logger's template has where a parameter goes: of printf, of str.format and slf4j."""


class Birth(NamedTuple):
    """Where an event stands in the one order that all comparisons go by: when ingest took it, then its address."""

    received: int
    """Milliseconds since the epoch, UTC."""
    topic: str
    partition: int
    offset: int


class Features(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The first sight of a key in a release (in a day, where the client names no release).

    All texts are bounded: the whole is at most 12 KB as msgpack, of a usual event 0.5 KB.
    """

    schema: int
    key: str
    """The group's id, 32 hex digits."""
    grouping: str
    """Version of the grouping that made the key: keys of two versions are never compared."""
    rule: str
    """By which rule the key was made (``Decision.rule``)."""
    explosion: str
    """The signature of the explosion rule that gave the key, '' where none did."""
    family: str
    type: str
    module: str
    top: str
    owner: str
    """Class, module or file of the top frame; '' where no frame counts."""
    in_app: bool
    read: bool
    library: bool
    silent: bool
    helper: bool
    cycle: bool
    raised: Spot
    caller: Spot
    tokens: tuple[str, ...]
    template: str
    text: str
    pattern: str
    """The message before its parameters were put in, or the statement's literal; '' where neither has a hole."""
    frames: tuple[str, ...]
    """At class level, innermost first."""
    release: str
    day: int
    """Days since the epoch, UTC, of receipt: it stands for the release where there is none."""
    born: Birth

    @property
    def build(self) -> str:
        """Return what stands for one build of the application: lines mean nothing outside of it."""
        return self.release or f"\2day {self.day}"


def features_of(event: Event, decision: Decision, key: str, at: Address, explosion: str = "") -> Features:
    """Return the features of an event that falls into ``key``, read at ``at``.

    ``explosion`` is the signature of the rule (``explosion.Rule``) that gave the key, where one did.
    """
    return Features(
        SCHEMA, key, VERSION, decision.rule, explosion, decision.family,
        decision.type[:NAME], decision.module[:NAME], decision.top[:NAME], _owner(decision),
        decision.in_app, decision.read, decision.library, decision.silent, decision.helper, decision.cycle,
        _spot(decision.raised), _spot(decision.caller),
        tuple([token[:NAME] for token in decision.tokens[:TOKENS]]),
        decision.template[:TEXT], decision.text[:TEXT], _pattern(event, decision),
        tuple([frame[:NAME] for frame in decision.frames[:FRAMES]]),
        event.release[:NAME], event.received // DAY, Birth(event.received, *at),
    )  # fmt: skip


def _owner(decision: Decision) -> str:
    return decision.frames[0][:NAME] if decision.frames and decision.top else ""


def _spot(spot: Spot) -> Spot:
    return spot if len(spot.where) <= NAME else Spot(spot.where[:NAME], spot.line)


def _pattern(event: Event, decision: Decision) -> str:
    if decision.type or (decision.top and not decision.read):
        return ""  # only what a logger wrote is compared by its pattern
    if decision.read and "<>" in decision.template:
        return decision.template[:TEXT]
    logged = event.template
    return logged[:TEXT] if logged and _HOLE.search(logged) else ""
