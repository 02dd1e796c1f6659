"""Scrubs places of a JSON text: only the values that are secrets change, every other byte stays.

From each match of a prefilter (``search``) the string around it is found. Under a secret key the value is masked:
text and numbers become "[Filtered]", of objects and lists each leaf; null, true, false, "" and keys stay. A string
value is scrubbed as text (``prose``). Where it is a secret's name (``["Cookie", "…"]``,
``{"name": "Cookie", "value": "…"}``, ``"--password", "…"``), the value that it names is masked.
"""

import re
from functools import cached_property
from typing import Final

from app.normalise.scrubbing import rules_v1 as rules
from app.normalise.scrubbing.bodies import LONGEST, judged_key, judged_value, known_key, known_value
from app.normalise.scrubbing.cards import FILTERED, is_card
from app.normalise.scrubbing.prose import without_secrets
from app.normalise.scrubbing.spans import (
    CLOSE,
    COLON,
    COMMA,
    STRING,
    TOKEN,
    opening_quote,
    outside,
)

_QUOTED: Final = b'"' + FILTERED + b'"'
_SILENT: Final = frozenset((b"null", b"true", b"false", b'""', _QUOTED))
NAMING_KEYS: Final = (b'"name"', b'"key"', b'"header"', b'"field"', b'"k"')
_VALUE_KEYS: Final = frozenset((b'"value"', b'"val"', b'"v"', b'"values"'))
_VERSION: Final = re.compile(rb'"v?[0-9][\w.+!-]{0,60}"')
_MODULES_KEY: Final = b'"modules"'
_MODULES: Final = re.compile(rb'"modules"\s*+:\s*+\{[^{}]*+\}')
_STRING: Final = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"(\s*+:\s*+)?', re.DOTALL)
_KEY: Final = 2
"""The group of _STRING that only a key has: the colon after it."""

_MASKED: Final = re.compile(rb'([{\[])|([}\]])|("[^"\\]*+(?:\\.[^"\\]*+)*+")(\s*+:)?+|[^\s,:{}\[\]"]++', re.DOTALL)
"""TOKEN, with a group for each kind: what opens, what closes, a string, the colon after a key; none for the rest."""
_OPENED, _CLOSED, _LEAF, _NAMED = 1, 2, 3, 4

_DIGITS: Final = b"0123456789"
_NUMERIC: Final = b"0123456789.+-eE"
_QUOTE, _BACKSLASH, _COLON, _COMMA = 0x22, 0x5C, 0x3A, 0x2C
_ENDS: Final = b",}]"
"""Bytes that may stand right after a string value. Membership is tested with a number: bytes in bytes costs ten times
as much."""

_OPENING, _CLOSING = b"{[", b"}]"
_SPACE: Final = b" \t\r\n\f\v"

_SIBLINGS: Final = 16
"""Tokens after a name that may be the key of its value."""
LOOK_BACK: Final = 40
"""Bytes before a string that are read for its key."""
_NUMBER_LENGTH: Final = 40


class Walk:
    """Scrubs one payload, the bytes of a JSON text; of other bytes whatever parses as JSON strings is scrubbed.

    ``edits`` are (start, end, replacement).
    """

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.edits: list[tuple[int, int, bytes]] = []
        self.at = 0
        """A position outside of strings, up to which all is scrubbed."""

    def read(self, start: int, end: int) -> int:
        """Scrub the string or number around a match of a prefilter; return from where on to search."""
        if not self._scrub_plain(self.payload, end):
            self._scrub(start, end)
        return max(end, self.at)

    def _scrub_plain(self, payload: bytes, end: int) -> bool:
        """Scrub the string around a match if it has no escapes near its quotes; return whether it was so.

        Most strings are: this is where the time goes.
        """
        if payload[end - 1] in _DIGITS:
            return False  # a number may stand outside of strings: far from any quote
        quote, close = payload.rfind(b'"', self.at, end), payload.find(b'"', end)
        if quote < 0 or close < 0:
            return False
        if payload[close - 1] == _BACKSLASH or payload[quote - 1] == _BACKSLASH:
            return False  # without one before them these are the string's own quotes
        following = payload[close + 1] if close + 1 < len(payload) else _COMMA
        if following in _ENDS:
            body = payload[quote + 1 : close]
            self.at = close + 1
            scrubbed, named = known_value(body) if close - quote <= LONGEST else judged_value(body)
            if named:
                self._edit(quote, close + 1, scrubbed, body)
            elif scrubbed is not None:
                self.edits.append((quote + 1, close, scrubbed))
            return True
        if following == _COLON and close + 2 < len(payload) and payload[close + 2] not in _SPACE:
            self._key(quote, close + 1, payload[quote + 1 : close], close + 2)
            return True
        return False

    def _scrub(self, start: int, end: int) -> None:
        payload = self.payload
        if payload[end - 1] in _DIGITS and outside(payload, self.at, end):
            self._number(end)
            return
        quote = opening_quote(payload, end, self.at)
        string = _STRING.match(payload, quote) if quote >= 0 else None
        if string is None:
            self._rest(max(quote, self.at))
        elif string.end(1) >= start:
            self._string(quote, string)

    def _string(self, start: int, string: re.Match[bytes]) -> None:
        body, end = string[1], string.end(1) + 1
        if string.lastindex == _KEY:
            self._key(start, end, body, string.end())
            return
        self.at = end
        scrubbed, named = judged_value(body)
        self._edit(start, end, scrubbed, body if named else b"")

    def _key(self, start: int, end: int, body: bytes, value: int) -> None:
        self.at = end
        secret, numbers = known_key(body) if len(body) <= LONGEST else judged_key(body)
        if secret and not self._is_version(start, value):
            self.at = self._mask(value, numbers=numbers)

    def _edit(self, start: int, end: int, scrubbed: bytes | None, name: bytes) -> None:
        """Record a value's replacement, None to keep it; ``name`` is its body where that is a secret's name."""
        if scrubbed is not None:
            self.edits.append((start + 1, end - 1, scrubbed))
        if name:
            self._named(start, end, name.decode("utf-8", "replace"))

    def _named(self, start: int, end: int, name: str) -> None:
        """Mask the value that a secret's name names, where the name stands in a place for names."""
        before = self.payload[max(0, start - LOOK_BACK) : start].rstrip()
        if before[-1:] == b":":
            if before[:-1].rstrip().lower().endswith(NAMING_KEYS):
                self._siblings(start, end)
            return
        comma = COMMA.match(self.payload, end) if before[-1:] in (b"[", b",") else None
        following = TOKEN.match(self.payload, comma.end()) if comma else None
        if following is None:
            return
        header = name.lower() in rules.HEADERS
        flag = name.startswith("-") and not following[0].startswith(b'"-')
        listed = before[-1:] == b"[" and (header or before[:-1].rstrip()[-1:] in (b"[", b","))
        pair = listed and (following[0] in b"[{" or CLOSE.match(self.payload, following.end()) is not None)
        if flag or pair or header:
            self.at = self._mask(following.start(), numbers=True)

    def _siblings(self, start: int, end: int) -> None:
        """Mask the value of a name in the same object, after it or right before it."""
        depth = 0
        for count, token in enumerate(TOKEN.finditer(self.payload, end)):
            if token[0][0] in _OPENING:
                depth += 1
            elif token[0][0] in _CLOSING:
                depth -= 1
            elif depth == 0 and token[0].lower() in _VALUE_KEYS and (colon := COLON.match(self.payload, token.end())):
                self._mask(colon.end(), numbers=True)
                return
            if depth < 0 or count > _SIBLINGS:
                break
        self._before(start)

    def _before(self, start: int) -> None:
        key = self.payload.rfind(b'"', 0, self.payload.rfind(b'"', 0, start))
        close = key - 1
        while close > 0 and self.payload[close] in b" \t\r\n,":
            close -= 1
        if close < 1 or self.payload[close] != _QUOTE:
            return
        quote = opening_quote(self.payload, close, 0)
        before = self.payload[max(0, quote - LOOK_BACK) : max(0, quote)].rstrip()
        name = before[:-1].rstrip() if before.endswith(b":") else b""
        if name.endswith(tuple(_VALUE_KEYS)) and close > quote + 1:
            self.edits.append((quote, close + 1, _QUOTED))

    def _mask(self, at: int, *, numbers: bool) -> int:
        """Mask every leaf of the value at ``at``, without recursion; return its end."""
        if self.payload.startswith(b'"', at) and (end := self._end(at)):
            self._mask_leaf(at, end)
            return end
        depth = 0
        for token in _MASKED.finditer(self.payload, at):
            kind = token.lastindex
            if kind == _OPENED:
                depth += 1
            elif kind == _CLOSED:
                depth -= 1
            elif numbers if kind is None else kind == _LEAF or depth == 0:
                self._mask_leaf(*token.span(_LEAF if kind else 0))
            if depth <= 0:
                return token.end(_LEAF if kind == _NAMED else 0)
        return len(self.payload)

    def _mask_leaf(self, start: int, end: int) -> None:
        if self.payload[start:end] not in _SILENT:
            self.edits.append((start, end, _QUOTED))

    def _end(self, start: int) -> int:
        """Return the end of the string that begins at ``start``, 0 for an unclosed one."""
        close = self.payload.find(b'"', start + 1)
        if close > 0 and self.payload[close - 1] != _BACKSLASH:
            return close + 1
        string = STRING.match(self.payload, start)
        return string.end() if string else 0

    def _number(self, at: int) -> None:
        start = at
        while start > self.at and at - start < _NUMBER_LENGTH and self.payload[start - 1] in _NUMERIC:
            start -= 1
        token = TOKEN.match(self.payload, start)
        if token is None:
            return
        self.at = token.end()
        digits = token[0].lstrip(b"-")
        if digits.isdigit() and is_card(digits):
            self.edits.append((*token.span(), _QUOTED))

    def _is_version(self, key: int, value: int) -> bool:
        """Return whether the value is a version in Sentry's list of modules (``"google-auth": "2.1"``), no secret."""
        if _VERSION.match(self.payload, value) is None:
            return False
        opened = self.payload.rfind(b"{", 0, key)
        before = self.payload[max(0, opened - LOOK_BACK) : max(0, opened)].rstrip(_SPACE + b":")
        if before and not before.endswith(_MODULES_KEY):
            return False  # the key of this object is another one: the list need not be searched
        return self._modules[0] <= key < self._modules[1]

    @cached_property
    def _modules(self) -> tuple[int, int]:
        """The span of Sentry's list of modules; searched once, and only where a secret looks like a version."""
        at = self.payload.find(_MODULES_KEY)
        modules = _MODULES.search(self.payload, at) if at >= 0 else None
        return modules.span() if modules else (0, 0)

    def _rest(self, start: int) -> None:
        """Scrub a string without an end, which is no JSON, as text to the last byte."""
        self.at = len(self.payload)
        text = self.payload[start:]
        scrubbed = without_secrets(text)
        if scrubbed != text:
            self.edits.append((start, len(self.payload), scrubbed))

    def result(self) -> bytes:
        """Return the payload with the edits applied; of two that overlap, the one of the whole value applies."""
        kept, done = [], 0
        for start, end, new in sorted(self.edits, key=lambda edit: (edit[0], -edit[1])):
            if start >= done:
                kept += [self.payload[done:start], new]
                done = end
        return b"".join([*kept, self.payload[done:]])
