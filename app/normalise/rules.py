"""The parts of normalisation that differ between its versions."""

from collections.abc import Callable
from typing import Any, NamedTuple

from app.model import Facts
from app.normalise.text import Notes


class Rules(NamedTuple):
    """One version of normalisation (WIRE.md, "Versions of normalisation"). What is not in here is common to all."""

    name: str
    lenient: bool
    """Whether a number or a boolean is read as text where text is expected; else it is dropped with a note."""
    counts_more: bool
    """Whether crashes that were handled count as such, and events and sessions in the cells of their environment."""
    needs_mending: Callable[[bytes], bool]
    """Return whether a Sentry payload must not be decoded before ``mended`` changed it, though it might be."""
    mended: Callable[[dict[str, Any]], dict[str, Any]]
    """Return a Sentry event with its fields in today's names and shapes; called where the strict decoder fails, too."""
    filled: Callable[[str, Any], str]
    """Return a message's template with its parameters (any JSON value) put in."""
    trimmed: Callable[[str], str]
    """Return a release or an environment without what does not belong to it."""
    milliseconds: Callable[[object], int | None]
    """Return a time as an SDK sends it in ms since the epoch, None for a value that is none."""
    corrected: Callable[[int | None, Facts, Notes], int]
    """Return the time of an event or the start of a session by the server's clock, from the time sent (ms)."""
