"""Highlights a query's words in search results, with the tokens that search uses (``app.stores.search.text``). Pure."""

import re
from typing import Final

from markupsafe import Markup, escape

from app.stores.search.query import parse
from app.stores.search.text import runs

_HUMP: Final = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
_BEGINS: Final = rf"(?:(?<![^\W_])|{_HUMP})"
_ENDS: Final = rf"(?:(?![^\W_])|{_HUMP})"


def word_pattern(query: str) -> "re.Pattern[str] | None":
    """Return a pattern that matches the words of a query, not its fields; None for a query without words."""
    try:
        terms = [term for term in parse(query) if term.field in ("", "message") and not term.negated]
    except ValueError:
        return None
    endings: dict[str, str] = {}
    for term in terms:
        parts = runs(term.text)
        for place, run in enumerate(parts, 1):
            for word in filter(None, (*run.parts, run.whole)):
                is_prefix = term.prefix and place == len(parts) and word in (run.parts[-1], run.whole)
                endings[word] = "" if is_prefix else endings.get(word, _ENDS)
    longest = sorted(endings, key=len, reverse=True)
    either = "|".join(f"(?i:{re.escape(word)}){endings[word]}" for word in longest)
    return re.compile(f"{_BEGINS}(?:{either})") if endings else None


def marked(text: str, words: "re.Pattern[str] | None") -> Markup:
    """Return a text, escaped, with what ``words`` matches in ``<mark>``."""
    if words is None:
        return escape(text)
    html, at = Markup(), 0
    for match in words.finditer(text):
        html += escape(text[at : match.start()]) + Markup("<mark>{}</mark>").format(match[0])
        at = match.end()
    return html + escape(text[at:])
