"""The words of an event with their positions, its fields with their values, and PostgreSQL's form of both. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, Literal

from app.records import EventSummary
from app.stores.search.text import MAX_VALUE, Run, quoted, runs, storable, type_of, value

MAX_POSITIONS: Final = 6000
"""Words of one event that are indexed; PostgreSQL keeps positions up to 16,383."""

MAX_TEXT: Final = 8192
MAX_TAGS: Final = 200
MAX_NAMED: Final = 100
"""Names of ``EventSummary.fields`` that are indexed.

With these limits an event stays far below the 1 MiB of lexemes that PostgreSQL takes of a document.
"""

Kind = Literal["A", "B", "C", ""]
"""What words are of, as the weight of PostgreSQL: the title and messages, functions, files, anything else."""

MESSAGE: Final[Kind] = "A"
FUNCTION: Final[Kind] = "B"
FILE: Final[Kind] = "C"
REST: Final[Kind] = ""
KINDS: Final = (MESSAGE, FUNCTION, FILE, REST)
"""In the order of their positions."""

BREAK: Final = 10
"""Positions between two texts, so that no phrase matches across them."""

FACET_FIELDS: Final = ("browser.name", "os.name", "device.model")
"""Values of contexts that are facets."""


def fields(summary: EventSummary) -> Iterator[tuple[str, str]]:
    """Yield each field that a query can name with its values, tags as ``tag.<key>``."""
    yield "release", summary.release
    yield "environment", summary.environment
    yield "level", summary.level
    yield "user", summary.user
    yield "platform", summary.platform
    yield "group", summary.group
    yield "url", summary.url
    yield "unhandled", "true" if summary.unhandled else "false"
    yield "culprit", summary.culprit
    yield "server", summary.server
    yield "sdk", summary.sdk
    yield "event", summary.event_id
    yield "type", type_of(summary.title)
    for name, text in islice(summary.fields.items(), MAX_NAMED):
        if "\n" in text:
            yield from ((name, line) for line in text.split("\n"))
        else:
            yield name, text
    for key, text in islice(summary.tags.items(), MAX_TAGS):
        yield f"tag.{key}", text


def field_lexeme(name: str, text: str) -> str:
    """Return the lexeme of a field's value. It cannot equal or begin with a word: words have no equals sign."""
    return f"={value(name)}={value(text)}"


def placed(summary: EventSummary) -> Iterator[tuple[Kind, int, Run]]:
    """Yield each indexed run of words: its kind, its first word's position, the run; kinds in the order of KINDS."""
    at = 1
    for kind, texts, between in _texts(summary):
        for text in texts:
            for run in runs(text):
                after = at + len(run.parts)
                if after > MAX_POSITIONS:
                    break
                yield kind, at, run
                at = after
            at += between
        at += BREAK


def facets_of(summary: EventSummary) -> dict[str, str]:
    """Return the facets of an event: its tags and, before a tag of the same name, the fields that count as facets."""
    named = {"release": summary.release, "environment": summary.environment, "user": summary.user}
    named |= {name: summary.fields[name] for name in FACET_FIELDS if name in summary.fields}
    both = {**dict(islice(summary.tags.items(), MAX_TAGS)), **{key: text for key, text in named.items() if text}}
    return {storable(key)[:MAX_VALUE]: storable(text)[:MAX_VALUE] for key, text in both.items() if text}


def vector(summary: EventSummary) -> str:
    """Return the text form of an event's tsvector."""
    positions: defaultdict[str, list[str]] = defaultdict(list)
    for kind, first, (parts, whole) in placed(summary):
        for at, part in enumerate(parts, first):
            positions[part].append(f"{at}{kind}")
        if whole:  # at its first and its last part's position, so that a phrase continues on both sides
            positions[whole] += (f"{first}{kind}", f"{first + len(parts) - 1}{kind}")
    words = [f"'{word}':{','.join(where)}" for word, where in positions.items()]  # words and symbols need no quoting
    named = (quoted(field_lexeme(name, text)) for name, text in fields(summary) if text)
    return " ".join((*words, *named))


def _texts(summary: EventSummary) -> Iterator[tuple[Kind, Iterable[str], int]]:
    """Yield the kind of some texts, the texts, and the positions between them."""
    yield MESSAGE, (summary.title[:MAX_TEXT], *(text[:MAX_TEXT] for text in summary.messages)), BREAK
    yield FUNCTION, summary.functions[:MAX_TEXT].split("\n"), 1
    yield FILE, summary.files[:MAX_TEXT].split("\n"), 1
    texts = (
        summary.text, summary.culprit, summary.user, summary.release, summary.environment, summary.server, summary.url,
    )  # fmt: skip
    yield REST, [text[:MAX_TEXT] for text in texts], BREAK
    yield REST, [text[:MAX_VALUE] for text in islice(summary.tags.values(), MAX_TAGS)], BREAK
