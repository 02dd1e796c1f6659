"""The words of an event with their positions, its fields with their values, and PostgreSQL's form of both. Pure."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from app.records import EventSummary
from app.stores.search.text import MAX_VALUE, Run, quoted, runs, storable, type_of, value

MAX_POSITIONS: Final = 6000
"""Words of one event that are indexed; PostgreSQL keeps positions up to 16,383."""

MAX_TEXT: Final = 8192
MAX_TAGS: Final = 200
"""With these limits an event stays far below the 1 MiB of lexemes that PostgreSQL takes of a document."""

TITLE: Final = "A"
"""The weight of the title's words: the filter ``message:`` matches these alone."""

BREAK: Final = 10
"""Positions between two texts, so that no phrase matches across them."""


def fields(summary: EventSummary) -> Iterator[tuple[str, str]]:
    """Yield each field that a query can name with its value, tags as ``tag.<key>``."""
    yield "release", summary.release
    yield "environment", summary.environment
    yield "level", summary.level
    yield "type", type_of(summary.title)
    yield "user", summary.user
    yield "platform", summary.platform
    yield "group", summary.group
    yield "url", summary.url
    yield "unhandled", "true" if summary.unhandled else "false"
    yield "culprit", summary.culprit
    yield "server", summary.server
    yield "sdk", summary.sdk
    yield "event", summary.event_id
    for key, text in list(summary.tags.items())[:MAX_TAGS]:
        yield f"tag.{key}", text


def field_lexeme(name: str, text: str) -> str:
    """Return the lexeme of a field's value. It cannot equal or begin with a word: words have no equals sign."""
    return f"={value(name)}={value(text)}"


def placed(summary: EventSummary) -> Iterator[tuple[int, int, Run]]:
    """Yield each indexed run of words: the number of its text (0: the title), its first word's position, the run."""
    at = 1
    for number, text in enumerate((summary.title[:MAX_TEXT], *_texts(summary))):
        for run in runs(text):
            after = at + len(run.parts)
            if after > MAX_POSITIONS:
                break
            yield number, at, run
            at = after
        at += BREAK


def facets_of(summary: EventSummary) -> dict[str, str]:
    """Return the facets of an event: its tags and, before a tag of the same name, release, environment and user."""
    named = {"release": summary.release, "environment": summary.environment, "user": summary.user}
    both = {**dict(list(summary.tags.items())[:MAX_TAGS]), **{key: text for key, text in named.items() if text}}
    return {storable(key)[:MAX_VALUE]: storable(text)[:MAX_VALUE] for key, text in both.items() if text}


def vector(summary: EventSummary) -> str:
    """Return the text form of an event's tsvector."""
    positions: defaultdict[str, list[str]] = defaultdict(list)
    for number, first, (parts, whole) in placed(summary):
        weight = "" if number else TITLE
        for at, part in enumerate(parts, first):
            positions[part].append(f"{at}{weight}")
        if whole:  # at its first and its last part's position, so that a phrase continues on both sides
            positions[whole] += (f"{first}{weight}", f"{first + len(parts) - 1}{weight}")
    words = [f"'{word}':{','.join(where)}" for word, where in positions.items()]  # letters and digits need no quoting
    named = (quoted(field_lexeme(name, text)) for name, text in fields(summary) if text)
    return " ".join((*words, *named))


def _texts(summary: EventSummary) -> Iterator[str]:
    texts = (
        summary.text, summary.culprit, summary.user, summary.release, summary.environment, summary.server, summary.url,
    )  # fmt: skip
    yield from (text[:MAX_TEXT] for text in texts)
    yield from (text[:MAX_VALUE] for text in list(summary.tags.values())[:MAX_TAGS])
