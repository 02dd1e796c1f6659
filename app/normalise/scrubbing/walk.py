"""Scrub a JSON text in place: only the values that are secrets change, every other byte stays.

From each spot (``spots``) the string around it is found. A key that is secret has its value masked: text and numbers
become "[Filtered]", of objects and lists each leaf; null, true, false and "" stay, and so do keys. A string that is a
value is scrubbed as text (``prose``), and where it is a secret's name (``["Cookie", "…"]``,
``{"name": "Cookie", "value": "…"}``, ``"--password", "…"``), so is what it names.
"""

import re
from typing import Final

from app.normalise.scrubbing import rules_v1 as rules
from app.normalise.scrubbing.cards import FILTERED, is_card
from app.normalise.scrubbing.names import counts, is_secret
from app.normalise.scrubbing.prose import without_secrets
from app.normalise.scrubbing.spans import (
    CLOSE,
    COLON,
    COMMA,
    STRING,
    TOKEN,
    escaped,
    opening_quote,
    outside,
    unescaped,
)
from app.normalise.scrubbing.spots import find_spots

_QUOTED: Final = b'"' + FILTERED + b'"'
_SILENT: Final = frozenset((b"null", b"true", b"false", b'""', _QUOTED))
_NAME: Final = re.compile(rb"-{0,2}[\w.$ -]{2,64}")
_NAMING_KEY: Final = re.compile(rb'"(?:name|key|header|field|k)"\s*+:\s*+$', re.IGNORECASE)
_VALUE_KEYS: Final = frozenset((b'"value"', b'"val"', b'"v"', b'"values"'))
_VERSION: Final = re.compile(rb'"v?[0-9][\w.+!-]{0,60}"')
_MODULES: Final = re.compile(rb'"modules"\s*+:\s*+\{[^{}]*+\}')
_DIGITS: Final = b"0123456789.+-eE"
_SIBLINGS: Final = 40
_NUMBER_LENGTH: Final = 40


class Walk:
    """One payload on its way through; ``edits`` are (start, end, replacement) in order."""

    def __init__(self, payload: bytes) -> None:
        """Take the bytes of a JSON text; of anything else as much is scrubbed as looks like one."""
        self.payload = payload
        self.edits: list[tuple[int, int, bytes]] = []
        self.at = 0
        """Outside of strings, and behind all that was looked at."""

        modules = _MODULES.search(payload) if b'"modules"' in payload else None
        self.modules = modules.span() if modules else (0, 0)

    def run(self) -> bytes:
        """Give the scrubbed payload, the very object where nothing was found."""
        for spot in find_spots(self.payload):
            if spot.end() > self.at:
                self._look(max(spot.start(), self.at), spot.end())
        return self._applied() if self.edits else self.payload

    def _look(self, start: int, end: int) -> None:
        last = self.payload[end - 1]
        if 0x30 <= last <= 0x39 and outside(self.payload, self.at, end):  # noqa: PLR2004  a digit
            self._number(end)
            return
        quote = opening_quote(self.payload, end, self.at)
        if quote < 0:
            return
        string = STRING.match(self.payload, quote)
        if string is None:
            self._rest(quote + 1)
        elif string.end() > start:
            self._string(quote, string.end())

    def _string(self, start: int, end: int) -> None:
        self.at = end
        body = self.payload[start + 1 : end - 1]
        text = unescaped(body)
        if colon := COLON.match(self.payload, end):
            if is_secret(body if text is None else text) and not self._is_version(start, colon.end()):
                self._mask(colon.end(), numbers=not counts(body))
            return
        scrubbed = without_secrets(body if text is None else text)
        if scrubbed != (body if text is None else text):
            new = FILTERED if text is None else escaped(scrubbed, body)
            self.edits.append((start + 1, end - 1, new))
        if _NAME.fullmatch(body) and is_secret(body):
            self._named(start, end, body)

    def _named(self, start: int, end: int, name: bytes) -> None:
        """A string that is the name of a secret: mask what it names, if it stands where names stand."""
        before = self.payload[max(0, start - 40) : start]
        if _NAMING_KEY.search(before):
            self._siblings(start, end)
            return
        comma = COMMA.match(self.payload, end)
        opener = before.rstrip()[-1:]
        if comma is None or opener not in (b"[", b","):
            return
        following = TOKEN.match(self.payload, comma.end())
        if following is None:
            return
        flag = name.startswith(b"-") and not following[0].startswith(b'"-')
        pair = opener == b"[" and (following[0] in b"[{" or CLOSE.match(self.payload, following.end()) is not None)
        if flag or pair or name.decode("utf-8", "replace").lower() in rules.HEADERS:
            self._mask(comma.end(), numbers=True)

    def _siblings(self, start: int, end: int) -> None:
        """Mask the value beside a name in one object, behind it or right before it."""
        depth = 0
        for count, token in enumerate(TOKEN.finditer(self.payload, end)):
            if token[0] in b"{[":
                depth += 1
            elif token[0] in b"}]":
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
        if close < 1 or self.payload[close] != 0x22:  # noqa: PLR2004  a quote
            return
        quote = opening_quote(self.payload, close, 0)
        before = self.payload[max(0, quote - 40) : max(0, quote)].rstrip()
        name = before[:-1].rstrip() if before.endswith(b":") else b""
        if name.endswith(tuple(_VALUE_KEYS)) and close > quote + 1:
            while self.edits and self.edits[-1][0] > quote:
                self.edits.pop()
            self.edits.append((quote + 1, close, FILTERED))

    def _mask(self, at: int, *, numbers: bool) -> None:
        """Mask the value at ``at``, every leaf of it, without recursion."""
        depth = 0
        for token in TOKEN.finditer(self.payload, at):
            text = token[0]
            if text in b"{[":
                depth += 1
            elif text in b"}]":
                depth -= 1
            elif text not in _SILENT and not (text[0] == 0x22 and depth and COLON.match(self.payload, token.end())):  # noqa: PLR2004  a quote
                if numbers or text[0] == 0x22:  # noqa: PLR2004  a quote
                    self.edits.append((*token.span(), _QUOTED))
            self.at = token.end()
            if depth <= 0:
                return

    def _number(self, at: int) -> None:
        start = at
        while start > self.at and at - start < _NUMBER_LENGTH and self.payload[start - 1] in _DIGITS:
            start -= 1
        token = TOKEN.match(self.payload, start)
        if token is None:
            return
        self.at = token.end()
        if token[0].isdigit() and is_card(token[0]):
            self.edits.append((*token.span(), _QUOTED))

    def _is_version(self, key: int, value: int) -> bool:
        """Tell a version in Sentry's list of modules (``"google-auth": "2.1"``) from a secret."""
        return self.modules[0] <= key < self.modules[1] and _VERSION.match(self.payload, value) is not None

    def _rest(self, start: int) -> None:
        """A string without end: not JSON, scrubbed as text to the last byte."""
        self.at = len(self.payload)
        text = self.payload[start:]
        scrubbed = without_secrets(text)
        if scrubbed != text:
            self.edits.append((start, len(self.payload), scrubbed))

    def _applied(self) -> bytes:
        kept, done = [], 0
        for start, end, new in self.edits:
            kept += [self.payload[done:start], new]
            done = end
        return b"".join([*kept, self.payload[done:]])
