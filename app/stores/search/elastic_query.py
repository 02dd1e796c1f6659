"""Queries in the language of ``app.stores.search.query`` as queries of Elasticsearch. Pure.

Nothing is scored: every condition is a filter, and hits are ordered by time.
"""

from collections.abc import Sequence
from typing import Any, Final

from app.cells import MAX_AGE
from app.stores.search.days import DAY_MS
from app.stores.search.elastic_documents import LAST_RECEIVED, LONGEST, tag_key
from app.stores.search.elastic_schema import OWN, TEXTS
from app.stores.search.lexemes import KINDS
from app.stores.search.query import EVENT_ID, WORD_FIELDS, Term
from app.stores.search.states import NO_STATES, States, group_filter
from app.stores.search.text import runs, value

Query = dict[str, Any]

Texts = tuple[str, str]
"""The indexed texts of parts and of wholes."""

ANY_TEXTS: Final = tuple(TEXTS[kind] for kind in reversed(KINDS))


def within(project: int, start: int, end: int, groups: Sequence[str] = ()) -> list[Query]:
    """Return the filters of a project's events with start <= time < end (ms); no groups are all groups."""
    filters: list[Query] = [
        {"term": {"project": project}},
        {"range": {"time": {"gte": _fitted(start), "lt": _fitted(end)}}},
        # An event's time lies in [received - 30 days, received + 1 minute]: indices of other days are skipped.
        {"range": {"received": {"gte": _received(start - DAY_MS), "lte": _received(end + MAX_AGE * 1000 + DAY_MS)}}},
    ]
    if groups:
        filters.append({"terms": {"group": [value(group) for group in groups]}})
    return filters


def matching(filters: Sequence[Query], terms: Sequence[Term] = (), states: States = NO_STATES) -> Query:
    """Return the query of the events that pass all filters and fulfil all terms; ``states`` has those of ``is:``."""
    wanted, unwanted = list(filters), list[Query]()
    for term in terms:
        if term.field == "is":
            groups = group_filter(term, states)
            (unwanted if groups.without else wanted).append({"terms": {"group": [value(id_) for id_ in groups.ids]}})
        else:
            (unwanted if term.negated else wanted).append(_condition(term))
    return {"bool": {"filter": wanted, "must_not": unwanted}}


def _fitted(time: int) -> int:
    return min(max(time, -LONGEST), LONGEST)


def _received(time: int) -> int:
    return min(max(time, 0), LAST_RECEIVED)


def _condition(term: Term) -> Query:
    if term.field in WORD_FIELDS:
        kind = WORD_FIELDS[term.field]
        words = _phrases(term.text, (TEXTS[kind],) if kind else ANY_TEXTS, prefix=term.prefix)
        if not term.field and EVENT_ID.fullmatch(term.text):
            words.append(_named("event", term.text.replace("-", "")))
        return _any(words)
    named = [_named(name, term.text, prefix=term.prefix) for name in term.names]
    words = _phrases(term.text_with_key, ANY_TEXTS, prefix=term.prefix) if term.loose else []
    return _any([*named, *words])


def _any(queries: list[Query]) -> Query:
    return queries[0] if len(queries) == 1 else {"bool": {"should": queries, "minimum_should_match": 1}}


def _named(field: str, text: str, *, prefix: bool = False) -> Query:
    return _word(_path(field), value(text), prefix=prefix)


def _path(field: str) -> str:
    if field.startswith("tag."):
        return f"tags.{tag_key(field)}"
    return field if field in OWN else f"fields.{value(field)}"


def _word(field: str, text: str, *, prefix: bool) -> Query:
    return {"prefix" if prefix else "term": {field: {"value": text}}}


def _phrases(text: str, every: Sequence[Texts], *, prefix: bool) -> list[Query]:
    """Return queries of which one must match: the phrase in one of several kinds of words."""
    return [query for texts in every for query in _phrase(text, texts, prefix=prefix)]


def _phrase(text: str, texts: Texts, *, prefix: bool) -> list[Query]:
    """Return queries of which one must match: the words of a text, each right after the one before.

    With ``prefix`` the last word may be the beginning of one.
    """
    text_runs = runs(text)
    parts = [part for run in text_runs for part in run.parts]
    if len(parts) == 1:
        return [_word(name, parts[0], prefix=prefix) for name in texts]
    queries = [{"intervals": {texts[0]: _adjacent(parts, texts, prefix=prefix)}}] if parts else []
    if len(text_runs) == 1 and text_runs[0].whole:
        queries += [_word(name, text_runs[0].whole, prefix=prefix) for name in texts]
    return queries


def _adjacent(parts: list[str], texts: Texts, *, prefix: bool) -> Query:
    words = [_part(part, texts, prefix=prefix and at == len(parts)) for at, part in enumerate(parts, 1)]
    return {"all_of": {"ordered": True, "max_gaps": 0, "intervals": words}}


def _part(part: str, texts: Texts, *, prefix: bool) -> Query:
    """Return the positions of one word, in the text of parts or in that of wholes."""
    if prefix:
        either: list[Query] = [{"prefix": {"prefix": part, "use_field": name}} for name in texts]
    else:
        either = [{"match": {"query": part, "use_field": name}} for name in texts]
    return {"any_of": {"intervals": either}}
