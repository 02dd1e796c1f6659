"""What one event says of its own grouping, for whoever compares keys: a contract of plain values, no behaviour.

``g2.decide(event)`` makes a ``Decision`` of an event. It is a pure function of the event, as the key is.
"""

from typing import NamedTuple


class Spot(NamedTuple):
    """One frame as a place in one build of the application."""

    where: str
    """Normalised place and function, the same in every release; '' where there is no such frame."""
    line: str
    """Position in this build: ``12``; ``12:340`` where the line is 1 or the column is above 200 (minified);
    ``+0x4f0c`` for native code without lines (address less the start of its image); '' where the client sends none."""


NOWHERE = Spot("", "")


class Decision(NamedTuple):
    """Everything that the comparison of keys may look at. All texts are bounded; no field holds an id or a time."""

    rule: str
    """Why the event groups as it does. ``default``, ``statement`` and ``helper`` are the default rules: only keys by
    these are ever compared. Others: ``fingerprint``, ``fingerprint with default``, ``exceptions of a group``,
    ``hang``, ``memory``, ``cycle``, ``script error``, ``signal``, ``nothing``."""
    family: str
    """Family of languages: python, js, java, dotnet, ruby, php, go, native, beam, dart, perl; '' where unknown."""
    type: str
    """Type as it counts in the key, without package ('' for a message or a signal)."""
    module: str
    """Package or module of the type, as sent: ``sqlite3`` of ``sqlite3.OperationalError``; '' where unknown."""
    text: str
    """First line of the message that decides, as sent, at most 1,024 characters."""
    template: str
    """The message as it counts in the key: with placeholders, or the statement's literal with ``<>`` for holes."""
    raised: Spot
    """The frame that raised: innermost, past the machinery of raising. A library's where ``library`` is true."""
    caller: Spot
    """The next frame of the application outwards from ``raised``."""
    read: bool
    """The raising statement was in view and its literal is the template, or the SDK sent a record's own template: no
    evidence by line, no second stage."""
    library: bool
    """A frame of a library or of the run time raised, at the application's line where the stack has one."""
    silent: bool
    """The raising line was in view and shows no raise: the interpreter raised there (``row["net"]``)."""
    helper: bool
    """The raising function throws for its callers: more frames than the top one count."""
    cycle: bool
    """The key is an endless recursion's."""
    tokens: tuple[str, ...]
    """Identity found in the text without a literal: codes, errno names, quoted names beside a noun of code."""
    frames: tuple[str, ...]
    """Frames that count, at class level (place without function; native: name without its last part), innermost
    first, at most 40, repetitions collapsed."""
    top: str
    """Normalised place and function of the deciding frame; '' where no frame counts."""
    in_app: bool
    """The deciding frame is the application's."""
    key: tuple[str, ...]
    """Material of the group's id, without project and version."""
