"""Turns the payload of any SDK into one event, scrubbed and with corrected time.

Pure: no I/O and no clock, so that every worker and every replay gets the same event.
"""

from app.model import Event, Facts
from app.normalise.raygun import raygun_event
from app.normalise.scrubbing import scrub, scrub_text
from app.normalise.search_fields import search_fields
from app.normalise.sentry import sentry_event
from app.normalise.sessions import Lost, client_report, session, session_counts
from app.normalise.times import correct
from app.normalise.timings import timings
from app.normalise.user_agents import contexts_of
from app.normalise.versions import VERSIONS, counts_more, rules_of
from app.normalise.words import words

__all__ = [
    "VERSIONS", "Lost", "client_report", "contexts_of", "correct", "counts_more", "event", "scrub",
    "scrub_text", "search_fields", "session", "session_counts", "timings", "words",
]  # fmt: skip


def event(facts: Facts, payload: bytes, *, full: bool = False, version: str = "") -> Event:
    """Return the event of a scrubbed payload.

    Args:
        facts: What ingest knew of the record.
        payload: The scrubbed payload.
        full: Add what only an event's page shows.
        version: The version of normalisation, by default the one that the facts are stamped with.

    Raises:
        Malformed: The payload is no JSON object, or not of the protocol's shape at the top.
        UnknownSchema: A version that this code does not know. Nothing else is raised.
    """
    read = raygun_event if facts.kind == "raygun" else sentry_event
    return read(facts, payload, rules_of(version or facts.normalisation), full=full)
