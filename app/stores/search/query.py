"""The language of search queries. Pure.

===========================  ==========================================================================================
``timeout card``             both words, anywhere: types, messages, functions, modules, files, tags, user, release, URL
``"card was declined"``      these words in this order, next to each other
``shop.PaymentService``      the same as ``"shop PaymentService"``; ``payment`` alone finds it too
``pay*``                     words that begin so; also ``release:shop@1.*``
``-word  -field:value``      without it
``message:word``             a word, or a "phrase", of the title or of the message of any exception of the chain
``function:word``            a word, or a "phrase", of a frame's function; ``file:`` of its file: ``file:shop/cart.py``
``field:value``              the whole value of a field: ``release`` ``environment`` ``level`` ``platform`` ``group``
                             ``url`` ``culprit`` ``server`` ``sdk`` ``event`` ``transaction`` ``logger`` ``trace``
``type:value``               the type of any exception of the chain
``user:value``               the user's id, email, username, IP address or name; ``user.id:`` ``user.email:``
                             ``user.username:`` ``user.ip:`` ``user.name:`` one of these
``handled:true``             handled, ``false`` or ``unknown``: not said by the SDK; ``unhandled:true`` or ``false``
``os.name:value``            the whole value of a context, or of a tag of this name: ``browser.name`` ``device.model``
                             ``runtime.version`` and any other ``context.key``; ``context.os.name:value`` of a context
``tag.key:value``            the whole value of a tag; ``key:value`` means the tag, or else these words as a phrase
``is:unresolved``            of a group with this state: ``unresolved`` ``regressed`` ``resolved`` ``ignored``, or
                             ``new``: first seen in the searched range
``field:"two words"``        values, and by ``tag."two words":value`` keys, with spaces
===========================  ==========================================================================================

All terms must hold. Case is ignored. There are no syntax errors: text that fits none of these is taken as words, and
signs beside words are ignored. An event id, with or without dashes, finds its event. Refused are queries over the
limits of length, terms and words, queries of signs alone, and states that ``is:`` does not know.
"""

import re
from typing import Final

import msgspec

from app.stores.search.lexemes import FILE, FUNCTION, MESSAGE, REST, Kind, field_lexeme
from app.stores.search.text import quoted, runs

MAX_CHARACTERS: Final = 512
MAX_TERMS: Final = 32
MAX_WORDS: Final = 64
"""These limits bound the time of a search: each word and term is a lookup of its own in the index."""

WORD_FIELDS: Final[dict[str, Kind]] = {"": REST, "message": MESSAGE, "function": FUNCTION, "file": FILE}
"""Fields whose words are compared, by the kind of their words; "" is words of any kind."""

FIELDS: Final = {
    **dict.fromkeys(("message", "function", "file"), ""),
    **dict.fromkeys(("release", "environment", "level", "type", "user", "platform", "group", "url", "culprit"), ""),
    **dict.fromkeys(("server", "sdk", "event", "unhandled", "handled", "transaction", "logger", "is"), ""),
    **dict.fromkeys(("user.id", "user.email", "user.username", "user.ip", "user.name"), ""),
    "env": "environment",
    "id": "event",
    "event_id": "event",
    "title": "message",
    "server_name": "server",
    "filename": "file",
    "user.ip_address": "user.ip",
    "trace": "trace.trace_id",
    "trace_id": "trace.trace_id",
}
"""Names that a query may use; an alias has the field's name as its value, a field has ""."""

CONTEXTS: Final = (
    "browser.name", "browser.version", "os.name", "os.version", "device.model", "device.family", "runtime.name",
    "runtime.version",
)  # fmt: skip
"""Names of contexts that many events have; a query may use any other one too."""

STATES: Final = ("unresolved", "new", "regressed", "resolved", "ignored")
"""What ``is:`` takes."""

_SAME: Final = {"user": ("user", "user.id", "user.email", "user.username", "user.ip", "user.name")}
"""Fields that mean any of several."""

_IDS: Final = frozenset({"event", "trace.trace_id"})
"""Fields whose dashes are ignored."""

_TERM: Final = re.compile(
    r"""(?P<no>-)?(?:(?:(?P<place>tag|context)\."(?P<key>[^"]+)"|(?P<field>[^\W\d][\w.-]*)):(?!:|//|\\|\s))?"""
    r"""(?:"(?P<quoted>[^"]*)(?:"|$)|(?P<plain>[^\s"]+))"""
)
EVENT_ID: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Term(msgspec.Struct, frozen=True):
    """One condition. ``field`` is "" for words anywhere, ``tag.<key>`` for a tag, ``context.<key>`` for a context.

    A ``loose`` one, whose field is written as a tag's, matches a context of this key, and its key and value as words.
    """

    field: str
    text: str
    prefix: bool = False
    negated: bool = False
    loose: bool = False

    @property
    def key(self) -> str:
        """The key of a tag or a context."""
        return self.field.removeprefix("tag.").removeprefix("context.")

    @property
    def names(self) -> tuple[str, ...]:
        """The names, of documents, of the values that it is compared with; any of them may match."""
        if self.loose:
            return self.field, self.key.lower()
        return _SAME.get(self.field) or (self.field.removeprefix("context."),)

    @property
    def text_with_key(self) -> str:
        """The key and the value of a tag as one text."""
        return f"{self.key} {self.text}"


def parse(query: str) -> list[Term]:
    """Read a query. Raises ValueError, with a text for people, where it is refused."""
    if len(query) > MAX_CHARACTERS:
        raise ValueError(f"A query has {MAX_CHARACTERS} characters at most; this one has {len(query)}.")
    terms = [term for match in _TERM.finditer(query) if (term := _term(match)) is not None]
    if len(terms) > MAX_TERMS:
        raise ValueError(f"A query has {MAX_TERMS} terms at most; this one has {len(terms)}.")
    count = sum(len(run.parts) for term in terms for run in runs(term.text))
    if count > MAX_WORDS:
        raise ValueError(f"A query has {MAX_WORDS} words at most; this one has {count}.")
    if not terms and query.strip():  # they would find every event
        raise ValueError("This query has no word: signs alone are not searched. An empty query finds all events.")
    return terms


def _term(match: "re.Match[str]") -> Term | None:
    """Return the term of a match; None for signs without a word. Raises ValueError for a state that is none."""
    written = f"{match['place']}.{match['key']}" if match["key"] else match["field"] or ""
    name = written.lower()
    text = match["plain"] if match["quoted"] is None else match["quoted"]
    prefix = match["quoted"] is None and text.endswith("*")
    text = text.removesuffix("*").strip() if prefix else text.strip()
    if not text and not (prefix and name):
        return None
    loose = bool(name) and name not in FIELDS and not name.startswith(("tag.", "context."))
    field = FIELDS.get(name, f"tag.{written}" if loose else written) or name
    term = Term(field, text.replace("-", "") if field in _IDS else text, prefix, bool(match["no"]), loose)
    return _special(term) if field in _SPECIAL else term


def _special(term: Term) -> Term | None:
    if term.field in WORD_FIELDS:
        return term if any(run.parts for run in runs(term.text)) else None
    text = term.text.lower()
    if term.field == "handled":  # a document says that an event is not handled by "unhandled" alone
        return Term("unhandled", "true", negated=term.negated) if text == "false" else term
    if term.prefix or text not in STATES:
        raise ValueError(f"is: takes {', '.join(STATES[:-1])} or {STATES[-1]}.")
    return Term("is", text, negated=term.negated)


_SPECIAL: Final = {*WORD_FIELDS, "handled", "is"}


def tsquery(terms: list[Term]) -> str:
    """Return PostgreSQL's text form of a query, "" for none: only quoted lexemes, operators and labels.

    States are no part of it: they are of groups.
    """
    conditions = [(term.negated, _condition(term)) for term in terms if term.field != "is"]
    return " & ".join(f"!({condition})" if negated else f"({condition})" for negated, condition in conditions)


def _condition(term: Term) -> str:
    if term.field in WORD_FIELDS:
        words = _phrase(term.text, prefix=term.prefix, kind=WORD_FIELDS[term.field])
        is_id = not term.field and EVENT_ID.fullmatch(term.text)
        return f"{words} | {_named('event', term.text.replace('-', ''))}" if is_id else words
    named = " | ".join(_named(name, term.text, prefix=term.prefix) for name in term.names)
    words = _phrase(term.text_with_key, prefix=term.prefix) if term.loose else ""
    return f"{named} | {words}" if words else named


def _named(field: str, text: str, *, prefix: bool = False) -> str:
    return quoted(field_lexeme(field, text)) + (":*" if prefix else "")


def _phrase(text: str, *, prefix: bool = False, kind: Kind = REST) -> str:
    """Return the words of a text, each right after the one before; the last may be a prefix."""
    text_runs = runs(text)
    label = f":{kind}" if kind else ""
    last_label = f":*{kind}" if prefix else label
    parts = [part for run in text_runs for part in run.parts]
    labels = [*[label] * (len(parts) - 1), last_label]
    phrase = " <-> ".join(quoted(part) + mark for part, mark in zip(parts, labels, strict=True)) if parts else ""
    if len(text_runs) == 1 and text_runs[0].whole:
        return f"{quoted(text_runs[0].whole)}{last_label} | ({phrase})"
    return f"({phrase})" if phrase else ""
