"""The language of search queries. Pure.

===========================  ==========================================================================================
``timeout card``             both words, anywhere: types, messages, functions, modules, files, tags, user, release, URL
``"card was declined"``      these words in this order, next to each other
``shop.PaymentService``      the same as ``"shop PaymentService"``; ``payment`` alone finds it too
``pay*``                     words that begin so; also ``release:shop@1.*``
``-word  -field:value``      without it
``field:value``              the whole value: ``release`` ``environment`` ``level`` ``type`` ``user`` ``platform``
                             ``group`` ``url`` ``culprit`` ``server`` ``sdk`` ``event`` ``unhandled`` (true or false)
``message:word``             a word, or a "phrase", of the title
``tag.key:value``            the whole value of a tag; ``key:value`` means the tag, or else these words as a phrase
``field:"two words"``        values, and by ``tag."two words":value`` keys, with spaces
===========================  ==========================================================================================

All terms must hold. Case is ignored. There are no syntax errors: text that fits none of these is taken as words, and
signs without a word are ignored. An event id, with or without dashes, finds its event. Only queries over the limits of
length, terms and words are refused.
"""

import re
from typing import Final

import msgspec

from app.stores.search.lexemes import TITLE, field_lexeme
from app.stores.search.text import quoted, runs

MAX_CHARACTERS: Final = 512
MAX_TERMS: Final = 32
MAX_WORDS: Final = 64
"""These limits bound the time of a search: each word and term is a lookup of its own in the index."""

FIELDS: Final = {
    **dict.fromkeys(("release", "environment", "level", "type", "user", "platform", "group", "url", "culprit"), ""),
    **dict.fromkeys(("server", "sdk", "event", "unhandled", "message"), ""),
    "env": "environment",
    "id": "event",
    "event_id": "event",
    "title": "message",
    "server_name": "server",
}
"""Names that a query may use; an alias has the field's name as its value, a field has ""."""

_TERM: Final = re.compile(
    r"""(?P<no>-)?(?:(?:tag\."(?P<key>[^"]+)"|(?P<field>[^\W\d][\w.-]*)):(?!:|//|\\|\s))?(?:"(?P<quoted>[^"]*)(?:"|$)|(?P<plain>[^\s"]+))"""
)
EVENT_ID: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Term(msgspec.Struct, frozen=True):
    """One condition. ``field`` is "" for words anywhere, ``tag.<key>`` for a tag; ``loose`` tags match as words too."""

    field: str
    text: str
    prefix: bool = False
    negated: bool = False
    loose: bool = False

    @property
    def text_with_key(self) -> str:
        """The key and the value of a tag as one text."""
        return f"{self.field.removeprefix('tag.')} {self.text}"


def parse(query: str) -> list[Term]:
    """Read a query. Raises ValueError, with a text for people, where it is over a limit."""
    if len(query) > MAX_CHARACTERS:
        raise ValueError(f"A query has {MAX_CHARACTERS} characters at most; this one has {len(query)}.")
    terms = [term for match in _TERM.finditer(query) if (term := _term(match)) is not None]
    if len(terms) > MAX_TERMS:
        raise ValueError(f"A query has {MAX_TERMS} terms at most; this one has {len(terms)}.")
    count = sum(len(run.parts) for term in terms for run in runs(term.text))
    if count > MAX_WORDS:
        raise ValueError(f"A query has {MAX_WORDS} words at most; this one has {count}.")
    return terms


def _term(match: "re.Match[str]") -> Term | None:
    """Return the term of a match; None for signs without a word."""
    written = f"tag.{match['key']}" if match["key"] else match["field"] or ""
    name = written.lower()
    text = match["plain"] if match["quoted"] is None else match["quoted"]
    prefix = match["quoted"] is None and text.endswith("*")
    text = text.removesuffix("*").strip() if prefix else text.strip()
    if not text and not (prefix and name):
        return None
    loose = bool(name) and name not in FIELDS and not name.startswith("tag.")
    field = FIELDS.get(name, f"tag.{written}" if loose else written) or name
    if field == "event":
        text = text.replace("-", "")
    if field in ("", "message") and not any(run.parts for run in runs(text)):
        return None
    return Term(field, text, prefix=prefix, negated=bool(match["no"]), loose=loose)


def tsquery(terms: list[Term]) -> str:
    """Return PostgreSQL's text form of a query, "" for none: only quoted lexemes, operators and labels."""
    return " & ".join(f"!({_condition(term)})" if term.negated else f"({_condition(term)})" for term in terms)


def _condition(term: Term) -> str:
    if term.field in ("", "message"):
        words = _phrase(term.text, prefix=term.prefix, weight=TITLE if term.field else "")
        is_id = not term.field and EVENT_ID.fullmatch(term.text)
        return f"{words} | {_named('event', term.text.replace('-', ''))}" if is_id else words
    named = _named(term.field, term.text, prefix=term.prefix)
    words = _phrase(term.text_with_key, prefix=term.prefix) if term.loose else ""
    return f"{named} | {words}" if words else named


def _named(field: str, text: str, *, prefix: bool = False) -> str:
    return quoted(field_lexeme(field, text)) + (":*" if prefix else "")


def _phrase(text: str, *, prefix: bool = False, weight: str = "") -> str:
    """Return the words of a text, each right after the one before; the last may be a prefix."""
    text_runs = runs(text)
    label = f":{weight}" if weight else ""
    last_label = f":*{weight}" if prefix else label
    parts = [part for run in text_runs for part in run.parts]
    labels = [*[label] * (len(parts) - 1), last_label]
    phrase = " <-> ".join(quoted(part) + mark for part, mark in zip(parts, labels, strict=True)) if parts else ""
    if len(text_runs) == 1 and text_runs[0].whole:
        return f"{quoted(text_runs[0].whole)}{last_label} | ({phrase})"
    return f"({phrase})" if phrase else ""
