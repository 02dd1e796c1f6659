"""From a payload of any SDK to one event, scrubbed and corrected. Pure: no I/O, no clock, the same on every worker."""

from app.model import Event, Facts
from app.normalise.raygun import raygun_event
from app.normalise.scrubbing import scrub, scrub_text
from app.normalise.sentry import sentry_event
from app.normalise.sessions import Lost, client_report, session, session_counts
from app.normalise.times import correct
from app.normalise.timings import timings
from app.normalise.words import words

__all__ = [
    "Lost", "client_report", "correct", "event", "scrub", "scrub_text", "session", "session_counts", "timings", "words",
]  # fmt: skip


def event(facts: Facts, payload: bytes, *, full: bool = False) -> Event:
    """Give the event of a payload that ``scrub`` has been over; ``full`` adds what only an event's page shows.

    Raises:
        Malformed: what is not a JSON object, or not the protocol's shape at the top; nothing else.
    """
    read = raygun_event if facts.kind == "raygun" else sentry_event
    return read(facts, payload, full=full)
