"""Message templates: what is data in a message becomes a placeholder, what tells bugs apart stays."""

import re
from functools import lru_cache
from itertools import pairwise
from typing import Final

from app.grouping.g1.linear import Pattern, Token, Tokens
from app.grouping.g1.lists import DATA_HEADS, FILE_ROOTS

SEEN: Final = 1024
"""Characters of the first line that are looked at."""
LONGEST: Final = 240
"""Characters of a template."""

_UNIT: Final = r"(?:ns|us|µs|ms|s|sec|secs|m|min|mins|h|hrs?|d)"
_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_DAY: Final = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?"
_DATES: Final = (
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?: ?Z|(?: UTC)|[+-]\d{2}:?\d{2})?)?",
    _DAY + r"\d{1,2}[ /-]" + _MONTH + r"[ /-]\d{4}(?:[ :]\d{2}:\d{2}(?::\d{2})?(?: (?:GMT|UTC|[+-]\d{4}))?)?",
    _DAY + _MONTH + r" \d{1,2}(?: \d{2}:\d{2}:\d{2}(?: [A-Z]{3,4})?)?,? \d{4}",
    r"\d{1,4}/\d{1,2}/\d{1,4}(?: \d{2}:\d{2}(?::\d{2})?)?",
    r"\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?",
)
_ADDRESSES: Final = (
    r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?::\d{1,5})?\b",
    r"\[[0-9a-fA-F:.]*:[0-9a-fA-F:.%]*\](?::\d{1,5})?",
    r"\b(?:[0-9a-fA-F]{1,4}:){1,7}(?::[0-9a-fA-F]{1,4}){1,7}\b",
    r"\b(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}\b",
)
_STATUS: Final = r"http(?:/\d(?:\.\d)?)? |status(?: code)?(?:: | |=)"
_CODES: Final = _STATUS + r"|error #|errno |winerror |os error |error code:? |ora-|sqlstate\["
_QUOTES: Final = ("''", '""', "`'", "``", "“”", "\u2018\u2019", "«»")
_QUOTED: Final = "|".join(f"{one}[^{one}{end}\\n]*{end}" for one, end in _QUOTES)
_ROOT: Final = r"(?:^|[\s(=\[:,])(?i:/(?:" + "|".join(FILE_ROOTS) + r"))/[^\s\"'():,;\]]+"
PARTS: Final = (
    ("url", r"\b[a-zA-Z][a-zA-Z0-9+.-]+://[^\s\"'<>()\[\]]+(?:\[\][^\s\"'<>()]*)?|\bdata:[\w/]+;base64,\S+"),
    ("mail", r"\b[\w.+%-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+\b"),
    ("quoted", _QUOTED),
    ("path", r"\b[A-Za-z]:\\[^\s\"'<>|]+|" + _ROOT),
    ("uuid", r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"),
    ("time", r"\b(?:" + "|".join(_DATES) + r")\b"),
    ("ip", "|".join(_ADDRESSES)),
    ("code", r"(?i:\b(?:" + _CODES + r"))\d{1,6}\b"),
    ("size", r"\b\d+(?:\.\d+)? ?(?:[KMGTkmgt]i?[Bb]|[Bb]ytes?|B)\b"),
    ("duration", r"\b\d+(?:\.\d+)?" + _UNIT + r"(?:\d+(?:\.\d+)?" + _UNIT + r")*\b"),
    ("hex", r"\b0[xX][0-9a-fA-F]+\b|@[0-9a-f]{4,16}\b"),
    ("pod", r"-[b-df-hj-np-tv-z0-9]{6,10}-[b-df-hj-np-tv-z0-9]{5}\b"),
    ("number", r"[-+]?\b\d[\d,]*(?:\.\d+)*(?:[eE][-+]?\d+)?\b"),
    ("token", r"[A-Za-z0-9_+/-]{20,}=*"),
    ("word", r"[A-Za-z0-9_]+(?:'[A-Za-z]{1,2}\b|'clock\b)?"),
)  # fmt: skip
_HASH, _RANDOM, _DIGITS = 7, 16, 4
_HEADS: Final = (
    r"(?i:http|status|errno|winerror|os|error)\b"
    r"|Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
)
_PROSE: Final = rf"(?:[ (]{{0,2}}(?!{_HEADS})[A-Za-z]{{1,{_RANDOM - 1}}}[:,.;]?(?= |\Z))+"
"""Words up to a space: no token of PARTS but ``word`` begins in such a run, and these words stay as they are. Codes and
dates alone go on behind a space ("os error 2", "Sunday Jan 5"): what they may begin with is left to the patterns."""

_WORD_BYTES: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def _known(data: bytes, start: int, end: int) -> str | None:
    """Tell plain words, which stay, and whole numbers: of PARTS only these two match such texts."""
    text = data[start:end]
    if len(text) < _RANDOM and text.replace(b"_", b"").isalpha():
        return ""
    signed = text[0] in b"+-"
    if not (text[1:] if signed else text).isdigit() or (end < len(data) and data[end] in _WORD_BYTES):
        return None
    return "number" if signed or start == 0 or data[start - 1] not in _WORD_BYTES else None


MESSAGE: Final = Tokens(PARTS, skip=_PROSE, known=_known)
_WORDS: Final = Tokens([part for part in PARTS if part[0] in ("pod", "number", "word")], skip=_PROSE, known=_known)
_PLACEHOLDERS: Final = {
    "url": "<url>", "mail": "<mail>", "uuid": "<uuid>", "time": "<time>", "ip": "<ip>", "size": "<size>",
    "duration": "<duration>", "hex": "<hex>", "pod": "-<pod>", "number": "<n>",
}  # fmt: skip
_SERIES: Final = Pattern(r"<n>(?:, ?<n>)+")
_SPANS: Final = Pattern(r"<duration>(?: <duration>)+")
_IDENTIFIER: Final = re.compile(r"[\w$.#<>\[\]:/?!*-]{1,80}")
_SIGNATURE: Final = re.compile(r"[\w$.\[\]<>]{1,80}(?: [\w$.\[\]<>]{1,120})?(?:\([\w$.\[\], ]{0,200}\))?")
_HEX: Final = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_NUMBERED: Final = re.compile(r"([A-Za-z_]*?_|[A-Za-z]+)(\d+)")
_KNOWN: Final = (
    (
        re.compile(r"Cannot (read|set) propert(?:y|ies) of (undefined|null) \((?:reading|setting) '([^']{0,80})'\)"),
        (1, 3, 2),
    ),
    (re.compile(r"Cannot (read|set) property '([^']{0,80})' of (undefined|null)"), (1, 2, 3)),
    (re.compile(r"(undefined|null)() is not an object \(evaluating '[^']{0,200}?([\w$]{1,80})['\s(=]"), (2, 3, 1)),
    (re.compile(r"can't access property \"?([^\",]{1,80})\"?,() .{1,200} is (undefined|null)"), (2, 1, 3)),
)
"""How browsers word that a property of nothing is read: (pattern, groups of: verb, property, what)."""
_NOT_A_FUNCTION: Final = re.compile(r"([\w$.()\[\] ]{1,200} is not a (?:function|constructor))\b")
_NO_VARIABLE: Final = re.compile(r"(?:Can't find variable: ([\w$]{1,80})|'?([\w$]{1,80})'? is not defined)")
_LONG_WORD, _CHANGES = 10, 3


def first_line(text: str) -> str:
    """Give the first line that is not empty, cut to SEEN characters."""
    start = text[: 4 * SEEN].lstrip()
    return start.partition("\n")[0].rstrip()[:SEEN]


@lru_cache(maxsize=4096)
def template(line: str) -> str:
    """Give the template of a first line (see ``first_line``), at most LONGEST characters."""
    known = _browsers(line)
    if known:
        return known
    line = line.encode(errors="replace").decode()
    text = MESSAGE.sub(replaced, _without_json(line))
    if "<n>," in text:
        text = _SERIES.sub("<n>", text)
    if "<duration> <" in text:
        text = _SPANS.sub("<duration>", text)
    return text.strip()[:LONGEST]


def _browsers(line: str) -> str:
    for pattern, (verb, name, what) in _KNOWN:
        if found := pattern.match(line):
            return f"{found[verb] or 'read'} property {found[name]} of {found[what]}"
    if " is not a " in line and (found := _NOT_A_FUNCTION.match(line)):
        return found[1]
    if found := _NO_VARIABLE.match(line):
        return f"{found[1] or found[2]} is not defined"
    return ""


def _without_json(line: str) -> str:
    starts = [at for mark in ('{"', "{'", "[{") if (at := line.find(mark)) >= 0]
    if not starts:
        return line
    start, end = min(starts), max(line.rfind("}"), line.rfind("]")) + 1
    return line[:start] + "<json>" + (line[end:] if end > start else "")


def replaced(token: Token) -> str:
    """Give what stands for a token in a template."""
    kind, text = token.kind, token.text
    if kind == "word":
        return word(text)
    if kind in _PLACEHOLDERS:
        joined = text[0] == "@" or (text[0] in "+-" and kind == "number" and token.whole[: token.start][-1:].isalnum())
        return (text[0] if joined else "") + _PLACEHOLDERS[kind]
    if kind == "quoted":
        return _quoted(text, token.whole[: token.start])
    if kind == "path":
        return ("" if text[0] == "/" or text[1:2] == ":" else text[0]) + "<path>"
    return _token(text) if kind == "token" else text


def _token(text: str) -> str:
    if _HEX.fullmatch(text):
        return "<hex>"
    return "<token>" if _mixed(text) else _WORDS.sub(replaced, text)


def _quoted(text: str, before: str) -> str:
    inside = text[1:-1]
    if before.lower().endswith(DATA_HEADS):
        return f"{text[0]}<text>{text[-1]}"
    if _IDENTIFIER.fullmatch(inside) and not inside.startswith("/"):
        return text[0] + _WORDS.sub(replaced, inside) + text[-1]
    if "." in inside and _SIGNATURE.fullmatch(inside):
        return text
    return f"{text[0]}<text>{text[-1]}" if inside else text


def _mixed(text: str) -> bool:
    """Tell whether a long run of base64's letters is random: both cases and digits."""
    return text != text.lower() and text != text.upper() and any(letter.isdigit() for letter in text)


def word(text: str) -> str:
    """Give a word as it counts: random ones and numbers at the end are data."""
    if text.isalpha():
        return "<hex>" if len(text) >= _RANDOM and _HEX.fullmatch(text) else text
    if len(text) >= _HASH and _HEX.fullmatch(text):
        return "<hex>"
    if len(text) >= _LONG_WORD and _changes(text) > _CHANGES:
        return "<token>"
    if (numbered := _NUMBERED.fullmatch(text)) and (numbered[1][-1] == "_" or len(numbered[2]) >= _DIGITS):
        return f"{numbered[1]}<n>"
    return text


def _changes(text: str) -> int:
    """Count the changes between digit and letter."""
    digits = [letter.isdigit() for letter in text]
    return sum(one != two for one, two in pairwise(digits))
