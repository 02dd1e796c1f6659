"""Seeded payloads and texts with secrets in every spelling that the scrub rules know, and in some that they do not.

Only ``Random.random`` is asked, whose numbers are the same in every version of Python: equal seeds give equal bytes.
"""

import json
from collections.abc import Sequence
from random import Random
from typing import Any, Final, TypeVar

T = TypeVar("T")

NAMES: Final = (
    "password", "passwd", "passphrase", "passcode", "secret", "token", "auth", "cookie", "session", "sessid", "csrf",
    "xsrf", "credential", "api_key", "apikey", "api-key", "api.key", "api key", "private_key", "private key",
    "access-key", "signingkey", "encryption$key", "creditcard", "credit card", "debit_card", "card_num", "card no",
    "cardnumber", "security_code", "ssn", "_ssn", "myssn", "pass", "pwd", "card", "cvv", "cvc", "otp", "PASSWORD",
    "Set-Cookie", "Authorization", "X-Api-Key", "author", "tokenizer", "sessions", "PWD", "OLDPWD", "secretary",
    "discarded_events", "sessionless", "AuthError", "token_count", "max_tokens", "toauthorken", "passtoken", "modules",
    "user", "name", "value", "key", "header", "field", "k", "v", "val", "values", "my token value", "x" * 90 + "token",
    "token" + "y" * 95, "token" * 40, "a-token", "--password", "-p", "--card", "-token-", "$token", "a.b.token",
)  # fmt: skip

BETWEEN: Final = (
    "=", ": ", ":", "=>", ":=", "==", "===", "%3d", "%3D", " = ", "\t=", ": str = ", ",", ", ", " ", "'", '"', "`",
    "]", "[", "(", "{", "}", ")", "<", ">", "</", "&", "?", "@", "://", "://u:p@", "https://a:b@h/", "\n", "\r\n",
    "\t", "\x0b", "\x0c", "\\", "\\\\", '\\"', "\\'", "-", "--", ".", "$", "_", "'b", "b'", 'u"', 'name="',
    '"\r\n\r\n', "\\u003d", "\\u003a", "://0123456789abcdef0123@h", "[Filtered]", "[Filt", "[filtered]", "[Filtered",
    "=[Filtered]", "=[Filtered]&", "=[Filtered]x", "FILTERED]",
)  # fmt: skip

VALUES: Final = (
    "hunter2", "4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "378282246310005", "6011111111111117",
    "3782 822463 10005", "0.4111111111111111", ".4111111111111111", "x4111111111111111", "4111111111111111a",
    "411111111111111", "2026-11-27", "Bearer abc.def", "bearer ", "basic dXNlcjpwYXNz", "Basic ", "AIza" + "x" * 35,
    "eyJabcdefgh.eyJabcdefgh.x", "ghp_" + "a1B2" * 9, "AKIA" + "A1" * 8, "xoxb-1234567890ab",
    "sk_live_abcdefghijklmnop", "SG.abcdefghijklmnop.abcdefghijklmnop", "?sig=abc", "&key=q1", "?hmac=", "None",
    "?x-amz-signature=1", "null", "true", "str", "closed by peer", "is here", "1", "42.5", "PRIVATE KEY", "\u00e9",
    "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----", "\u2021", "\u00a0", "\ud800", "\0", "\x7f",
    "\u212a", "\u017f", "x", "  ", "a" * 120, "%20",
)  # fmt: skip

PHRASES: Final = (
    "{0}={1}", "{0}: {1}", "'{0}': '{1}'", '"{0}": "{1}"', "<{0}>{1}</{0}>", "('{0}', '{1}')", "[b'{0}', b'{1}']",
    "--{0} {1}", "['--{0}', '{1}']", "-{0},{1}", "see {0} for {1}", '[("{0}", "{1}")]', "?{0}={1}&x=1",
    'name="{0}"\r\n\r\n{1}', 'name="{0}"\r\nContent-Type: a\r\n\r\n{1}', "\\'{0}\\': \\'{1}\\'", "the author of {0}",
    "line\n{0} = {1}", "{0}[{1}]: {1}", "export {0}={1}; ls", "{0}\n", "\n{0}", "{0}(x)={1}",
)  # fmt: skip
"""Of a name and a value."""

NUMBERS: Final = (
    4111111111111111, -4111111111111111, 0.4111111111111111, 4111111111111111.0, 6011111111111117, 5, None, True,
    False, 1795503332021, 4111111111111111000, 12345678901234567890,
)  # fmt: skip

BYTES: Final = (b'"', b"\\", b"{", b"[", b",", b":", b"]", b"}", b"\\u00", b"\xff", b"\n")
_SPACINGS: Final = ((",", ":"), (", ", ": "), (" , ", " : "), (",\t", ":\n"))
_MARKS: Final = "-'<>=:[("
_DEEPEST: Final = 4


class Spellings:
    """Makes payloads and texts; equal seeds give equal ones."""

    def __init__(self, seed: int) -> None:
        self._dice = Random(seed)

    def text(self) -> str:
        """Return names, separators and values in any order."""
        pieces = [self._piece() for _ in range(self._one_of((1, 1, 2, 3, 4, 5, 7, 10, 16)))]
        made = "".join(pieces)
        return "".join(self._one_of((sign.upper(), sign)) for sign in made) if self._happens(0.15) else made

    def payload(self) -> bytes:
        """Return JSON, in a quarter of the cases damaged, in a third behind a word that is a secret's in part."""
        value = ["an author", self._value(0)] if self._happens(0.35) else self._value(0)
        made = json.dumps(value, ensure_ascii=self._happens(0.5), separators=self._one_of(_SPACINGS))
        encoded = (self._escaped(made) if self._happens(0.4) else made).encode("utf-8", "surrogatepass")
        return self.damaged(encoded) if self._happens(0.25) else encoded

    def inserted(self, payload: bytes) -> bytes:
        """Return a payload with texts put into its strings or between them."""
        made = payload
        for _ in range(1 + self._below(6)):
            quote = made.find(b'"', self._below(len(made) or 1)) + 1
            text = json.dumps(self.text(), ensure_ascii=self._happens(0.5))
            piece = (self._escaped(text) if self._happens(0.3) else text)[1:-1].encode("utf-8", "surrogatepass")
            made = made[:quote] + piece + made[quote:]
        return self.damaged(made) if self._happens(0.2) else made

    def damaged(self, payload: bytes) -> bytes:
        """Return bytes with some taken away and some put in."""
        made = bytearray(payload)
        for _ in range(1 + self._below(3)):
            at = self._below(len(made) or 1)
            if self._happens(0.4):
                del made[at : at + 1 + self._below(4)]
            else:
                made[at:at] = self._one_of((*BYTES, self._piece().encode("utf-8", "surrogatepass")))
        return bytes(made)

    def _value(self, depth: int) -> Any:  # noqa: ANN401  any JSON value
        if depth > _DEEPEST or self._happens(0.45):
            return self.text()
        makers = (self._leaf, self._leaf, self._pairs, self._named, self._list, self._object, self._modules)
        return self._one_of(makers)(depth + 1)

    def _leaf(self, _depth: int) -> Any:  # noqa: ANN401  any JSON value
        return self._one_of((*NUMBERS, *NAMES, "[Filtered]", "[Filtered]", ""))

    def _pairs(self, _depth: int) -> Any:  # noqa: ANN401  any JSON value
        return [[self._one_of(NAMES), self.text()] for _ in range(self._below(3))]

    def _named(self, depth: int) -> Any:  # noqa: ANN401  any JSON value
        key = self._one_of(("name", "Name", "KEY", "header", "field", "k", 'x"name', 'author"key', 'auth"k'))
        fields = [(key, self._one_of(NAMES)), (self._one_of(("value", "val", "v", "Values")), self._value(depth))]
        if self._happens(0.3):
            fields.insert(self._below(3), (self.text(), self.text()))
        return dict(reversed(fields) if self._happens(0.4) else fields)

    def _list(self, depth: int) -> Any:  # noqa: ANN401  any JSON value
        if self._happens(0.5):
            return [self._one_of(NAMES) for _ in range(self._below(6))]
        return [self._value(depth) for _ in range(self._below(5))]

    def _object(self, depth: int) -> Any:  # noqa: ANN401  any JSON value
        return {
            self._one_of(NAMES) if self._happens(0.6) else self.text(): self._value(depth)
            for _ in range(self._below(6))
        }

    def _modules(self, _depth: int) -> Any:  # noqa: ANN401  any JSON value
        versions = ("2.1", "v3", "7f3a", "0.4.1b2", "hunter2", 4111111111111111, "4111111111111111")
        listed = {self._one_of(NAMES): self._one_of(versions) for _ in range(self._below(4))}
        return {self._one_of(("modules", "Modules", "x")): listed, self._one_of(NAMES): self._one_of(versions)}

    def _escaped(self, text: str) -> str:
        """Return JSON with some signs of its strings as escapes that it does not need."""
        made, at, inside = [], 0, False
        while at < len(text):
            sign = text[at : at + 2] if inside and text[at] == "\\" else text[at]
            at += len(sign)
            inside ^= sign == '"'
            plain = inside and len(sign) == 1 and sign != '"' and ord(sign) < 0x10000
            chance = 0.2 if sign in _MARKS else 0.04
            made.append(f"\\u{ord(sign):04x}" if plain and self._happens(chance) else sign)
        return "".join(made)

    def _piece(self) -> str:
        if self._happens(0.2):
            return self._one_of(PHRASES).format(self._one_of(NAMES), self._one_of(VALUES))
        return self._one_of(self._one_of((NAMES, NAMES, BETWEEN, BETWEEN, VALUES)))

    def _happens(self, chance: float) -> bool:
        return self._dice.random() < chance

    def _below(self, limit: int) -> int:
        return int(self._dice.random() * limit)

    def _one_of(self, choices: Sequence[T]) -> T:
        return choices[self._below(len(choices))]
