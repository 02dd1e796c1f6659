"""Look before you walk: one alternation over the raw bytes finds every place where a secret may be.

It matches wherever any rule could: what it does not match needs no look. A JSON escape may spell a letter or a digit
of a secret's name, so the escapes that do are places too.
"""

from typing import Final

from app.normalise.scrubbing import rules_v1 as rules
from app.normalise.scrubbing.linear import find_all

_ESCAPED_LETTER: Final = r"\\u00(?:3[0-9]|[4-7][0-9a-fA-F])"
_CARD: Final = r"(?:^|[^0-9])[2-6][0-9]{3}(?:[0-9]{9}|[ -][0-9]{4})"
_ADDRESS: Final = r":(?:\\*/){2}[^\s/?#\"'<>]*@"
_QUERY: Final = f"[?&](?:{'|'.join(rules.QUERY)})="

NAME: Final = "|".join((*rules.NAMES, *rules.WORD_SPOTS))
SHAPES: Final = "|".join(("bearer[ \\t]", "private key", *rules.ISSUED_SPOTS, _QUERY, _ADDRESS, _CARD))

find_spots: Final = find_all(f"(?i){NAME}|{SHAPES}|{_ESCAPED_LETTER}")
find_names: Final = find_all(f"(?i){NAME}")
