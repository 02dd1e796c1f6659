"""Removes secrets from text: a name, a separator, a value, as in code, command lines, queries, headers, nested JSON.

Text is bytes of UTF-8. Each step is linear: names are searched by re2, what follows them by anchored patterns. A step
that could change nothing is left out: re2 reads a text tens of times as fast as the patterns of ``re``.
"""

import re
from functools import cache
from typing import Final

from app.normalise.scrubbing import rules_v1 as rules
from app.normalise.scrubbing.cards import FILTERED, without_cards
from app.normalise.scrubbing.names import is_secret, words_of
from app.normalise.scrubbing.spots import find_name, find_named, find_named_or_shape, find_shape

_PASSES: Final = 4
_DEEPEST: Final = 63
_NAME_LENGTH: Final = 100
_NAME_CHARACTERS: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$-"
_NAME_BYTES: Final = frozenset(_NAME_CHARACTERS)
_LOOK_BACK: Final = len(b'name="')
"""Bytes before a name that decide about it, at most."""

_NAME_TAIL: Final = re.compile(rb"[\w.$-]{0,100}+")
_SEPARATOR: Final = re.compile(
    rb"\\*[\"'`]?\]?[ \t]*+(?::[ \t]*+[\w.\[\]|]{1,40}[ \t]++(?==))?(?:=>|:=|={1,3}|:|%3[dD])\s{0,100}+"
)
_DASHED: Final = re.compile(rb"\\*[\"']?\s{0,4}+,\s{0,4}+|[ \t]{1,4}+(?=[^\s-])")
_PAIRED: Final = re.compile(rb"\\*[\"']\s{0,4}+,\s{0,4}+(?=[bu]?\\*[\"'])")
_OPENED: Final = re.compile(rb"[bBuUrRfF]{0,2}+(\\*+)([\"'`])")
_INSIDE: Final = {
    quote: re.compile(rb"[^\\" + quote + rb"]*+(?:\\.[^\\" + quote + rb"]*+)*+", re.DOTALL)
    for quote in (b'"', b"'", b"`")
}
_BRACKETED: Final = re.compile(rb"[\[{(][^\]})]*+[\]})]?|<[^<>\n]{0,500}+>?")
_REST_OF_LINE: Final = re.compile(rb"[^\r\n\"'<>\\]++")
_BARE: Final = re.compile(rb"(?:\[Filtered\])?[^\s&;,\"'`<>(){}\[\]\\|]*+")
_NEXT_WORD: Final = re.compile(rb" [A-Za-z]")
_ELEMENT: Final = re.compile(rb">[^<]{1,4000}+(?=</)")

_FORM: Final = re.compile(rb'"[^\r\n]{0,200}+\r?\n(?:[\w-]{1,40}+:[^\r\n]{0,200}+\r?\n){0,4}+\r?\n([^\r\n]++)')
_BEARER: Final = re.compile(rb"\b(bearer[ \t]{1,4}+)([^\s\"'\\,;<>\[\]]++)", re.IGNORECASE)
_BASIC: Final = re.compile(
    rb"\b((?i:basic)[ \t]{1,4}+)(?=[A-Za-z]{0,200}[a-z][A-Z]|[A-Za-z]*+[0-9+/=])[A-Za-z0-9+/]{6,}+={0,2}+"
)
_USERINFO: Final = re.compile(rb"(:(?:\\*/){2}[^\s/?#\"'<>@:\\]{0,256}+:)([^\s/?#\"'<>\\]{1,1024})@")
_USER_TOKEN: Final = re.compile(rb"(:(?:\\*/){2})[^\s/?#\"'<>@:\\]{20,1024}+@")
_QUERY: Final = re.compile(rf"([?&](?:{'|'.join(rules.QUERY)})=)[^&\s\"'#<>\\]++".encode(), re.IGNORECASE)
_PRIVATE_KEY: Final = re.compile(
    rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,60}-----|\Z)", re.DOTALL
)
_ISSUED: Final = re.compile(rf"(?<![\w-])(?:{'|'.join(rules.ISSUED)})".encode())


def without_secrets(text: bytes) -> bytes:
    """Return the text with each secret's value as [Filtered]; idempotent."""
    for _ in range(_PASSES):
        if find_named_or_shape(text, 0) is None:
            return text
        scrubbed = _once(text)
        if scrubbed == text:
            return text
        text = scrubbed
    return FILTERED if _once(text) != text else text


def _once(text: bytes) -> bytes:
    if b"PRIVATE KEY" in text:
        text = _PRIVATE_KEY.sub(FILTERED, text)
    if b"@" in text:
        text = _USERINFO.sub(rb"\1[Filtered]@", text)
        text = _USER_TOKEN.sub(rb"\1[Filtered]@", text)
    if b"=" in text:
        text = _QUERY.sub(rb"\1[Filtered]", text)
    text = _named(text)
    if find_shape(text, 0) is None:
        return text
    text = _BASIC.sub(rb"\1[Filtered]", _BEARER.sub(_bearer, text))
    return without_cards(_ISSUED.sub(FILTERED, text))


def _bearer(match: re.Match[bytes]) -> bytes:
    word = match[2].decode("utf-8", "replace").lower().rstrip(".:=")
    return match[0] if word in rules.SCHEME_WORDS else match[1] + FILTERED


def _named(text: bytes) -> bytes:
    """Return the text with the value after each secret name replaced.

    Names up to ``near`` are read one by one; from there on, the next one that a value could belong to is searched.
    """
    kept, done, at, near = [], 0, 0, 0
    while True:
        if at >= near:
            place = find_named(text, max(0, at - _LOOK_BACK))
            if place is None:
                break
            at, near = _start_of_name(text, at, place[0]), place[1]
        spot = find_name(text, at)
        if spot is None:
            break
        start, at = _whole_name(text, spot[0], at)
        value = _value(text, start, at)
        if value is not None:
            begin, end = value
            kept += [text[done:begin], FILTERED if end > begin else b""]
            done = at = end
    return b"".join([*kept, text[done:]]) if kept else text


def _start_of_name(text: bytes, floor: int, at: int) -> int:
    """Return the start of the bytes of names that end at ``at``, no less than ``floor``.

    No name reaches over it, so that names are found there as if the text had been read from ``floor`` on.
    """
    return floor + len(text[floor:at].rstrip(_NAME_CHARACTERS))


def _whole_name(text: bytes, spot: int, floor: int) -> tuple[int, int]:
    """Return the span of the name around a spot: letters, digits and ``_.$-``, at most 100 of them each way."""
    start = spot
    while start > floor and spot - start < _NAME_LENGTH and text[start - 1] in _NAME_BYTES:
        start -= 1
    tail = _NAME_TAIL.match(text, spot)
    return start, tail.end() if tail and tail.end() > spot else spot + 1


def _value(text: bytes, start: int, end: int) -> tuple[int, int] | None:
    """Return the span of the value after the name at start..end, None where there is none."""
    name = text[start:end].strip(b"-.$")
    if not name or not is_secret(name):
        return None
    separator = _separator(text, start, end)
    if separator is None:
        return None
    if separator.re is _ELEMENT:
        return separator.start() + 1, separator.end()
    if separator.re is _FORM:
        return separator.span(1)
    return _quoted(text, separator.end()) or _unquoted(text, separator, name)


def _separator(text: bytes, start: int, end: int) -> re.Match[bytes] | None:
    plain = _SEPARATOR.match(text, end)
    if plain is not None:
        return plain
    before = text[max(0, start - 6) : start]
    if text[start : start + 1] == b"-":
        return _DASHED.match(text, end)
    if before.endswith(b"<"):
        return _ELEMENT.match(text, end)
    if before == b'name="':
        return _FORM.match(text, end)
    if before[-1:] in (b'"', b"'") and before[:-1].rstrip(b"\\bu")[-1:] in (b"(", b"["):
        return _PAIRED.match(text, end)
    return None


def _quoted(text: bytes, at: int) -> tuple[int, int] | None:
    opened = _OPENED.match(text, at)
    if opened is None:
        return None
    escapes, quote = opened.groups()
    if escapes:
        closed = _closing(min(len(escapes), _DEEPEST), quote).search(text, opened.end())
        return opened.end(), closed.start() if closed else len(text)
    inside = _INSIDE[quote].match(text, opened.end())
    return opened.end(), inside.end() if inside else len(text)


@cache
def _closing(escapes: int, quote: bytes) -> re.Pattern[bytes]:
    """Return the pattern of a quote after exactly so many backslashes: the end of a string nested in strings."""
    return re.compile(rb"(?<!\\)\\{%d}" % escapes + quote)


def _unquoted(text: bytes, separator: re.Match[bytes], name: bytes) -> tuple[int, int] | None:
    at = separator.end()
    if not text.startswith(FILTERED, at) and (bracketed := _BRACKETED.match(text, at)):
        return bracketed.span()
    colon = b":" in separator[0]
    if colon and words_of(name)[-1:] in (["cookie"], ["cookies"], ["authorization"]):
        value = _REST_OF_LINE.match(text, at)
    else:
        value = _BARE.match(text, at)
    if value is None or value.end() == at or _harmless(text, value, name, colon=colon):
        return None
    return value.span()


def _harmless(text: bytes, value: re.Match[bytes], name: bytes, *, colon: bool) -> bool:
    """Return whether a value is code or prose: a type or None, a call, ``Session: closed``, ``InvalidToken: text``."""
    word = value[0].rstrip(b".").decode("utf-8", "replace")
    if word.lower() in rules.KEPT:
        return True
    following = text[value.end() : value.end() + 1]
    if following in (b"(", b"[") and word.replace(".", "").replace("_", "").isalnum():
        return True
    if not colon or not word.isalpha() or not _NEXT_WORD.match(text, value.end()):
        return False
    words = words_of(name)
    type_name = name.isalnum() and name[:1].isupper() and len(words) > 1
    return type_name or name.decode("utf-8", "replace").lower() in rules.PROSE
