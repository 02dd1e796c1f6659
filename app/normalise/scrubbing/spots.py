"""Prefilters: one alternation over the bytes finds every place where a secret may be, so that the rest is never parsed.

There are two, each of which matches wherever any rule could change something. ``find_spots`` asks for a name alone, and
holds for any bytes. ``find_changeable`` asks for a name *and* what must stand beside it (a separator, a place for
names), and holds for strict JSON alone, where the ends of strings are certain. A JSON escape may spell a letter of a
name or a separator, so that a string with a name and a backslash matches both. ``find_named`` asks the same of text.
"""

from typing import Final

from app.normalise.scrubbing import rules_v1 as rules
from app.normalise.scrubbing.linear import escape, search, spans

_ESCAPED_LETTER: Final = r"\\u00(?:3[0-9]|[4-7][0-9a-fA-F])"
_CARD: Final = r"(?:^|[^0-9A-Za-z]|\\[bfnrt]|\\u00[0-9a-fA-F]{2})[2-6][0-9]{3}(?:[0-9]{9}|[ -][0-9]{4})"
_ADDRESS: Final = r":(?:\\*/){2}[^\s/?#\"'<>]*@"
_QUERY: Final = rf"(?:[?&]|\\u0026|\\u003f)(?:{'|'.join(rules.QUERY)})(?:=|\\u003d)"

_DIGITS_OF_CARD: Final = (
    r"(?:^|[^0-9A-Za-z.]|(?:^|[^0-9])\.|\\[bfnrt]|\\u00[0-9a-fA-F]{2})"
    r"[2-6][0-9]{3}(?:[0-9]{9,15}(?:[^0-9A-Za-z]|$)|[ -][0-9]{4,6}[ -][0-9]{4})"
)
"""As ``_CARD``, without fractions and parts of longer digits and hashes."""

NAME: Final = "|".join((*rules.NAMES, *rules.WORD_SPOTS))
_SHAPES: Final = "|".join(("bearer[ \\t]", "basic[ \\t]", "private key", *rules.ISSUED_SPOTS, _QUERY, _ADDRESS))

_SPACE: Final = r"[\s\x0b]*"
r"""As ``\s*`` of Python's ``re``: that of re2 leaves the vertical tab out."""

_BEFORE: Final = r"[\w.$-]*"
_NAMED: Final = rf"(?:{NAME}){_BEFORE}"
"""A name from its part that tells a secret to its end; ``_BEFORE`` is what may stand before that part."""


def _no(literal: bytes) -> str:
    """Return the pattern of the shortest start by which a text differs from a literal."""
    return "|".join(f"{escape(literal[:at])}(?:[^{escape(literal[at : at + 1])}]|$)" for at in range(len(literal)))


_SHOWN: Final = b"Filtered]"
_VALUE: Final = rf'(?-i:[^\s"ntf]|"(?:[^"\[]|\[(?:{_no(_SHOWN)}|Filtered\][^"])))'
"""The start of a JSON value, but of null, true, false, "" and "[Filtered]", which are never masked."""

_EQUALS: Final = rf'=(?-i:[^\[]|\[(?:{_no(_SHOWN)}|Filtered\][^&"]))'
"""An equals sign, but of a query's part that the SDK filtered itself, as JavaScript's does."""


def _in_text(quotes: str, escapes: str) -> list[str]:
    """Return the patterns of names in text with what makes the text after them a value (``prose``)."""
    return [
        rf"{_NAMED}{escapes}[{quotes}`]?\]?[ \t]*(?::|{_EQUALS}|%3d)",
        rf"-{_BEFORE}{_NAMED}(?:{escapes}[{quotes}]?{_SPACE},|[ \t]+[^\s-])",
        rf"<{_BEFORE}{_NAMED}>",
        rf"[{quotes}]{_BEFORE}{_NAMED}{escapes}[{quotes}]{_SPACE},",
    ]


_IN_JSON: Final = [
    rf'(?:{NAME})[^"\\]*"\s*:\s*{_VALUE}',
    rf'[\[,]\s*"[\w.$ -]*(?:{NAME})[\w.$ -]*"\s*,',
    rf'(?:name|key|header|field|k)"\s*:\s*"[\w.$ -]*(?:{NAME})[\w.$ -]*"',
    rf'(?:{NAME}|{_CARD})[^"\\]*\\',
    rf'\\(?s:.)(?:[^"\\]|\\(?s:.))*(?:{NAME}|{_CARD})',
]
"""A key with a value to mask; an element of a list that may name the next one; the value of a key that holds names; a
name in a string with a backslash after it, or before it."""

_IN_TEXT: Final = [*_in_text("\"'", r"\\*"), rf'name="{_BEFORE}{_NAMED}"']

_IN_SHAPE: Final = f"{_SHAPES}|{_DIGITS_OF_CARD}"

find_spots: Final = spans(f"(?i){NAME}|{_SHAPES}|{_CARD}|{_ESCAPED_LETTER}")
find_changeable: Final = spans("(?i)" + "|".join([*_IN_JSON, *_in_text("'", ""), _IN_SHAPE, _ESCAPED_LETTER]))
find_name: Final = search(f"(?i){NAME}")
find_named: Final = search("(?i)" + "|".join(_IN_TEXT))
find_shape: Final = search(f"(?i){_IN_SHAPE}")
find_named_or_shape: Final = search("(?i)" + "|".join([*_IN_TEXT, _IN_SHAPE]))
