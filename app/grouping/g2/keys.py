"""Missing keys: whether the value that a run time put into its message is identity, or data.

``row["net"]`` shows the key: another key is another bug. ``prices[f"{sku}-xl"]`` builds it: the key is data. A variable
(``SETTINGS[name]``) leaves it open: there a name as code has it (``currency``) is identity, all else (``A-1042``) is
data.
"""

import re
from typing import Final

from app.grouping.g2.message import template_of

KEY: Final = "<key>"
"""What stands for a key that is data."""
_SEEN: Final = 1024
"""Characters of a line that are looked at."""
_CONTINUED: Final = 4
"""Lines of one statement, from the one that raised on."""
_NAME: Final = r"['\"]?(?P<key>[^'\"\n]{1,120})['\"]?"
_MESSAGES: Final = {
    "python": re.compile(r"(?P<key>[^\n]{1,200})"),
    "js": re.compile(rf"Cannot (?:read|set) propert(?:y|ies) of (?:undefined|null) \(\w{{7}} {_NAME}\)"),
    "ts": re.compile(rf"Cannot (?:read|set) propert(?:y|ies) of (?:undefined|null) \(\w{{7}} {_NAME}\)"),
    "ruby": re.compile(rf"key not found: :?{_NAME}"),
    "php": re.compile(rf"Undefined (?:array key|index:?|offset:?) {_NAME}"),
}
"""By language: messages that end by a key. Of Python only those of a KeyError: the key is the whole message."""
_LITERAL: Final = r"(?:[rbuRBU]{0,2}['\"][^'\"{}]{0,200}['\"]|:?-?\w{0,200}(?<=\d)|:\w{1,200})"
_VARIABLE: Final = r"[\w$@.]{1,200}"
_TAKES: Final = r"(?:(?<=[\w)\].])\[|\.(?:pop|remove|fetch)\()"
_EXPRESSION: Final = re.compile(rf"{_TAKES}(?!\s{{0,20}}(?:{_LITERAL}\s{{0,20}}[\]),]|[\])]))")
"""A subscript, or a call that takes a key, by anything but a literal."""
_BUILT: Final = re.compile(rf"{_TAKES}(?!\s{{0,20}}(?:(?:{_LITERAL}|{_VARIABLE})\s{{0,20}}[\]),]|[\])]))")
"""The same by anything but a literal or a variable."""
_CODE: Final = re.compile(r"[A-Za-z_.-]{1,60}")
"""How names are spelled that stand in code."""


def template(kind: str, text: str, lines: tuple[str, ...], at: int, language: str) -> str:
    """Return the template of a message whose key is data; '' where it is none, or where the source shows the key.

    Args:
        kind: type of the error, without package.
        text: its message.
        lines: the source in view.
        at: index of the line that raised.
        language: name of the source's language.
    """
    pattern = _MESSAGES.get(language)
    if pattern is None or (language == "python" and kind != "KeyError"):
        return ""
    found = pattern.fullmatch(text)
    if found is None:
        return ""
    statement = _statement(lines, at)
    key = found["key"].strip("'\"")
    takes = _BUILT if _CODE.fullmatch(key) else _EXPRESSION
    if not takes.search(statement) or _is_shown(key, statement):
        return ""
    start, end = found.span("key")
    return KEY if start == 0 else template_of(text[:start] + KEY + text[end:], one_word=False)


def _statement(lines: tuple[str, ...], at: int) -> str:
    """Return the line that raised and those that continue it: brackets are open until the statement ends."""
    text = lines[at][:_SEEN]
    for line in lines[at + 1 : at + _CONTINUED]:
        if sum(map(text.count, "([{")) <= sum(map(text.count, ")]}")):
            break
        text += "\n" + line[:_SEEN]
    return text


def _is_shown(key: str, statement: str) -> bool:
    """Tell whether a key stands in the source, in quotes or not: ``"{net}".format(**row)`` and ``row.net`` too."""
    start = statement.find(key) if key else -1
    while start >= 0:
        before, after = statement[start - 1 : start], statement[start + len(key) : start + len(key) + 1]
        if not _is_word(before) and not _is_word(after):
            return True
        start = statement.find(key, start + len(key))
    return False


def _is_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"
