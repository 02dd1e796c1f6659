"""Prefilter: one alternation over the raw bytes finds every place where a secret may be.

It matches wherever any rule could, so that the rest is never parsed. A JSON escape may spell a letter or a digit of a
secret's name, so that such escapes match too.
"""

from typing import Final

from app.normalise.scrubbing import rules_v1 as rules
from app.normalise.scrubbing.linear import search, spans

_ESCAPED_LETTER: Final = r"\\u00(?:3[0-9]|[4-7][0-9a-fA-F])"
_CARD: Final = r"(?:^|[^0-9A-Za-z]|\\[bfnrt]|\\u00[0-9a-fA-F]{2})[2-6][0-9]{3}(?:[0-9]{9}|[ -][0-9]{4})"
_ADDRESS: Final = r":(?:\\*/){2}[^\s/?#\"'<>]*@"
_QUERY: Final = rf"(?:[?&]|\\u0026|\\u003f)(?:{'|'.join(rules.QUERY)})(?:=|\\u003d)"

NAME: Final = "|".join((*rules.NAMES, *rules.WORD_SPOTS))
SHAPES: Final = "|".join(("bearer[ \\t]", "basic[ \\t]", "private key", *rules.ISSUED_SPOTS, _QUERY, _ADDRESS, _CARD))

find_spots: Final = spans(f"(?i){NAME}|{SHAPES}|{_ESCAPED_LETTER}")
find_name: Final = search(f"(?i){NAME}")
