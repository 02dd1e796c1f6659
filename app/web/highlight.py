"""Marks the words of a query in what it found, cut as search cuts them (``app.stores.search.text``). Pure."""

import re
from typing import Final

from markupsafe import Markup, escape

from app.stores.search.query import parse
from app.stores.search.text import runs

_HUMP: Final = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
_BEGINS: Final = rf"(?:(?<![^\W_])|{_HUMP})"
_ENDS: Final = rf"(?:(?![^\W_])|{_HUMP})"


def words_of(query: str) -> "re.Pattern[str] | None":
    """Give what finds the words that a query asks for, fields aside; None where it asks for none."""
    try:
        terms = [term for term in parse(query) if term.field in ("", "message") and not term.negated]
    except ValueError:
        return None
    found: dict[str, str] = {}
    for term in terms:
        cut = runs(term.text)
        for place, run in enumerate(cut, 1):
            for word in filter(None, (*run.parts, run.whole)):
                begins = term.prefix and place == len(cut) and word in (run.parts[-1], run.whole)
                found[word] = "" if begins else found.get(word, _ENDS)
    longest = sorted(found, key=len, reverse=True)
    either = "|".join(f"(?i:{re.escape(word)}){found[word]}" for word in longest)
    return re.compile(f"{_BEGINS}(?:{either})") if found else None


def marked(text: str, words: "re.Pattern[str] | None") -> Markup:
    """Show a text with its found words marked."""
    if words is None:
        return escape(text)
    shown, at = Markup(), 0
    for match in words.finditer(text):
        shown += escape(text[at : match.start()]) + Markup("<mark>{}</mark>").format(match[0])
        at = match.end()
    return shown + escape(text[at:])
