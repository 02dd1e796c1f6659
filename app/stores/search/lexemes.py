"""What is indexed of an event: words with their places, fields with their values; PostgreSQL's form of both. Pure."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from app.records import EventSummary
from app.stores.search.text import MAX_VALUE, Run, quoted, runs, type_of, value

MAX_PLACES: Final = 6000
"""Words of one event that count; PostgreSQL keeps places up to 16,383."""

MAX_TEXT: Final = 8192
MAX_TAGS: Final = 200
"""With these limits no event comes near the 1 MiB that PostgreSQL takes of lexemes."""

TITLE: Final = "A"
"""The weight of the title's words: the filter ``message:`` looks at these alone."""

BREAK: Final = 10
"""Places between two texts, so that no phrase is found across them."""


def fields(found: EventSummary) -> Iterator[tuple[str, str]]:
    """Give each field that a query can name with its value, tags as ``tag.<key>``."""
    yield "release", found.release
    yield "environment", found.environment
    yield "level", found.level
    yield "type", type_of(found.title)
    yield "user", found.user
    yield "platform", found.platform
    yield "group", found.group
    yield "url", found.url
    yield "unhandled", "true" if found.unhandled else "false"
    yield "culprit", found.culprit
    yield "server", found.server
    yield "sdk", found.sdk
    yield "event", found.event_id
    for key, text in list(found.tags.items())[:MAX_TAGS]:
        yield f"tag.{key}", text


def field_lexeme(name: str, text: str) -> str:
    """Give the lexeme of a field's value. No word is one or begins one: words have no equals sign."""
    return f"={value(name)}={value(text)}"


def placed(found: EventSummary) -> Iterator[tuple[int, int, Run]]:
    """Give each run of words that counts: the number of its text (0: the title), its first word's place, the run."""
    at = 1
    for number, text in enumerate((found.title[:MAX_TEXT], *_texts(found))):
        for run in runs(text):
            after = at + len(run.parts)
            if after > MAX_PLACES:
                break
            yield number, at, run
            at = after
        at += BREAK


def vector(found: EventSummary) -> str:
    """Give the text form of an event's tsvector."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for number, first, (parts, whole) in placed(found):
        weight = "" if number else TITLE
        for at, part in enumerate(parts, first):
            places[part].append(f"{at}{weight}")
        if whole:  # at its first and last part's place, so that phrases fit it on both sides
            places[whole] += (f"{first}{weight}", f"{first + len(parts) - 1}{weight}")
    words = [f"'{word}':{','.join(where)}" for word, where in places.items()]  # letters and digits need no quoting
    named = (quoted(field_lexeme(name, text)) for name, text in fields(found) if text)
    return " ".join((*words, *named))


def _texts(found: EventSummary) -> Iterator[str]:
    texts = (found.text, found.culprit, found.user, found.release, found.environment, found.server, found.url)
    yield from (text[:MAX_TEXT] for text in texts)
    yield from (text[:MAX_VALUE] for text in list(found.tags.values())[:MAX_TAGS])
