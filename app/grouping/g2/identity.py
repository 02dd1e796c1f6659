"""Whether what fills a hole tells one bug from another, or is data; the same for a text without literal.

A code is identity: an HTTP status, an errno, a SQLSTATE. So is a name in code where a noun of code stands beside it:
``field 'email' is required``. Quotes alone are no sign: ``nothing found for 'red shoes'``.
"""

import re
from typing import Final

NOUNS: Final = (
    "field", "column", "key", "attribute", "property", "header", "table", "relation", "constraint", "parameter",
    "argument",
    "option", "variable", "keyword",
)  # fmt: skip
"""What a name in code is one of."""
_SAID: Final = ("field", "column", "attribute", "header", "table", "param")
"""How an expression ends whose value is such a name: ``f"{field} is required"``."""
_LONGEST: Final = 60
_CODE_HEADS: Final = (
    r"\bhttp(?:/\d(?:\.\d)?)?|\bstatus(?: code)?|\berrno|\bos error|\bwinerror|\b(?:error|exit|return) code|\berror #"
    r"|\bsqlstate|\bora-|\(code"
)
_CODE_BEFORE: Final = re.compile(rf"(?i:(?:{_CODE_HEADS})(?:: | = |[ :=\[(#-])?\Z)")
_CODE: Final = re.compile(r"-?\d{1,10}|[0-9A-Z]{5}|0[xX][0-9a-fA-F]{1,16}|[A-Z][A-Z0-9_]{1,40}")
_GLUED: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{1,8}\Z")
_DIGITS: Final = re.compile(r"\d{2,6}")
_NAME: Final = re.compile(rf"[A-Za-z_.-]{{1,{_LONGEST}}}")
_ANY_NOUN: Final = "|".join(NOUNS)
_NOUN_BEFORE: Final = re.compile(rf"(?i:\b(?:{_ANY_NOUN})s?[\s'\"`=:]{{0,4}}\Z)")
_NOUN_AFTER: Final = re.compile(rf"(?i:['\"`]?[\s=:]{{0,2}}(?:{_ANY_NOUN})\b)")
_EXPRESSION: Final = re.compile(
    rf"(?:^|[^A-Za-z])(?:{'|'.join(_SAID)})\Z|(?:{'|'.join(word.title() for word in _SAID)})\Z"
)
_SEEN: Final = 48
"""Characters of the constants beside a hole that are looked at."""


def is_identity(value: str, before: str, after: str, expression: str) -> bool:
    """Tell whether the value of a hole is identity.

    Args:
        value: what fills the hole.
        before: the constant before it, up to the hole before.
        after: the constant behind it.
        expression: the hole's own expression, '' where unknown.
    """
    value = value.strip("'\"`") if len(value) <= _LONGEST + 2 else ""
    if not value:
        return False
    before, after = before[-_SEEN:], after[:_SEEN]
    return _is_code(value, before, after) or _is_name(value, before, after, expression)


def _is_code(value: str, before: str, after: str) -> bool:
    if _CODE.fullmatch(value) and _CODE_BEFORE.search(before):
        return True
    return bool(_DIGITS.fullmatch(value) and (not after or after[0] in ":])") and _GLUED.search(before))


def _is_name(value: str, before: str, after: str, expression: str) -> bool:
    if not _NAME.fullmatch(value) or value.isupper() or not any(letter.isalpha() for letter in value):
        return False
    return bool(
        _NOUN_BEFORE.search(before) or _NOUN_AFTER.match(after) or _EXPRESSION.search(expression.rstrip(")]}'\" "))
    )


_MOST: Final = 8
_FOUND: Final = re.compile(
    rf"(?i:(?:{_CODE_HEADS})(?:: | = |[ :=\[(#-])?)(?P<code>\d{{1,10}}|[0-9A-Z]{{5}}|[A-Z][A-Z0-9_]{{1,40}})\b"
    r"|\b(?P<errno>E[A-Z]{3,15}|EAI_[A-Z]{3,12})\b"
    rf"|(?i:\b(?:{_ANY_NOUN})s?)[\s=:]{{0,3}}['\"`](?P<noun>[A-Za-z_.-]{{1,{_LONGEST}}})['\"`]"
    rf"|['\"`](?P<after>[A-Za-z_.-]{{1,{_LONGEST}}})['\"`]\s(?i:(?:{_ANY_NOUN}))\b"
)
_LEADING: Final = re.compile(r"\s*\[?([A-Z]{1,8}\d{2,6})(?=[:\])]|$)")
_ERRNO: Final = frozenset(
    ("ERROR", "EMPTY", "EXIT", "EVENT", "ENDED", "EACH", "ELSE", "EXPECTED", "EXCEPTION", "EMAIL")
)
"""Upper-case words that are no errno."""


def tokens(text: str) -> tuple[str, ...]:
    """Return what is identity in a text without a literal: codes, errno names, names beside a noun of code."""
    found = [
        value
        for match in _FOUND.finditer(text)
        if (value := match[match.lastgroup or 0]) and not (match.lastgroup == "errno" and value in _ERRNO)
        and not (match.lastgroup in ("noun", "after") and value.isupper())
    ]  # fmt: skip
    leading = _LEADING.match(text)
    return tuple(dict.fromkeys([*([leading[1]] if leading else []), *found]))[:_MOST]
