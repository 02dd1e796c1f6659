"""Templates of messages whose statement was not read: the first grouping's, over mended texts."""

import re
from functools import lru_cache
from typing import Final

from app.grouping.g1.message import LONGEST, first_line
from app.grouping.g1.message import template as first_template
from app.grouping.g2.mends import minified

ONE_WORD: Final = "<word>"
_OF_NOTHING: Final = r"of (?:undefined|null)"
_NAME: Final = r"'([^'\n]{0,80})'"
_NOTHING: Final = (
    (re.compile(rf"Cannot (read|set) propert(?:y|ies) {_OF_NOTHING} \((?:reading|setting) {_NAME}\)"), (1, 2)),
    (re.compile(rf"Cannot (read|set) property {_NAME} {_OF_NOTHING}"), (1, 2)),
    (
        re.compile(
            rf"Unable to (get|set) (?:value of the )?property {_NAME}"
            r"(?: of undefined or null reference|: object is null or undefined)"
        ),
        (1, 2),
    ),
    (re.compile(r"(?:undefined|null)() is not an object \(evaluating '[^'\n]{0,200}?([\w$]{1,80})['\s(=]"), (1, 2)),
    (re.compile(r"can't access property \"?([^\",\n]{1,80})\"?,() .{1,200} is (?:undefined|null)"), (2, 1)),
    (
        re.compile(rf"(?:Cannot|Can't) destructure() property {_NAME} of '?.{{1,200}}'? as it is (?:undefined|null)"),
        (1, 2),
    ),
    (re.compile(r"(?:undefined|null) has no (properties)()\b"), (2, 1)),
)
"""How browsers word that a property of nothing is read: (pattern, groups of: verb, property).

Chrome, Node, Hermes; Edge before 79 and Internet Explorer; Safari; Firefox; destructuring.
"""
_MAC: Final = re.compile(r"\b[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}\b")
_BEAM: Final = re.compile(r"#(Reference|PID|Port|Ref|Function)<[^<>\n]{1,120}>")
_QUERY: Final = re.compile(r"(?<![\w:/])(/[\w./%~+@-]{1,200})\?[^\s\"'<>()\[\],;]+")
_LOCAL: Final = re.compile(r"<local\d+>")
_WORD: Final = re.compile(r"[^\W\d_][\w-]{0,80}[!?.]?")
_CODE: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|E[A-Z]{3,15}|[A-Z]{1,8}\d{2,6}")
_COUNTED: Final = re.compile(r"\d{1,6} validation errors? for ([^\n]{1,80})\n([\w.\[\]-]{1,80})[ \t\r]*(?:\n|\Z)")
_KIND: Final = re.compile(r"\[type=([\w.]{1,60})")
_SEEN: Final = 1024


def template_of(text: str, *, one_word: bool) -> str:
    """Return the template of a message; ``one_word`` says that a single word without prose is data."""
    line = first_line(text)
    if not line:
        return ""
    if "validation error" in line and (found := _COUNTED.match(text.lstrip()[:_SEEN])):
        kind = _KIND.search(text[:_SEEN])
        line = f"validation error for {found[1].strip()}: {found[2]}" + (f" [type={kind[1]}]" if kind else "")
    if one_word and _WORD.fullmatch(line) and not _CODE.fullmatch(line):
        return ONE_WORD
    return template(line)


@lru_cache(maxsize=2048)
def template(line: str) -> str:
    """Return the template of a first line, at most LONGEST characters."""
    if ("undefined" in line or "null" in line) and (known := _nothing(line)):
        return known
    return first_template(_mended(line))[:LONGEST]


def _nothing(line: str) -> str:
    for pattern, (verb, name) in _NOTHING:
        if found := pattern.match(line):
            return f"{'set' if found[verb] == 'set' else 'read'} property {found[name]} of nothing"
    return ""


def _mended(line: str) -> str:
    if ":" in line or "-" in line:
        line = _MAC.sub("<mac>", line)
    if "#" in line:
        line = _BEAM.sub(r"#\1<id>", line)
    if "?" in line:
        line = _QUERY.sub(r"\1", line)
    if "<local" in line:
        line = _LOCAL.sub("<local>", line)
    return minified(line)
