"""Version 1 of what is a secret. Frozen: records carry this number, and a replay must scrub as the first pass did.

A name is secret if one of NAMES stands anywhere in it, in any case and style (``sessionToken``, ``X-API-Key``,
``AWS_SECRET_ACCESS_KEY``), after HARMLESS was taken out of it; or if one of its words (split at case, digits and
punctuation) is among WORDS. So ``author``, ``tokenizer`` and ``discarded`` are none, ``author_token`` is. It is none
if it is one of NEVER, or its last word is of TYPES: ``AuthError: …`` names an error. Rather too much than a leak.
Source of the list: API.md, "Scrubbed".
"""

from typing import Final

NAMES: Final = (
    "password", "passwd", "passphrase", "passcode", "secret", "token", "auth", "cookie", "session", "sessid", "csrf",
    "xsrf", "credential", "api[^a-z0-9]{0,2}key", "private[^a-z0-9]{0,2}key", "access[^a-z0-9]{0,2}key",
    "signing[^a-z0-9]{0,2}key", "encryption[^a-z0-9]{0,2}key", "credit[^a-z0-9]{0,2}card", "debit[^a-z0-9]{0,2}card",
    "card[^a-z0-9]{0,2}num", "card[^a-z0-9]{0,2}no", "security[^a-z0-9]{0,2}code",
    r"\bssn", r"_ssn", r"ssn\b",
)  # fmt: skip
"""Regular expressions, case ignored."""

HARMLESS: Final = ("author(?!i[sz])", "tokeni[sz]", "secretar", "sessionless", "cookieless")
WORDS: Final = frozenset(("pass", "pwd", "card", "cvv", "cvc", "otp"))
WORD_SPOTS: Final = ("pass", "pwd", "card", "cvv", "cvc", "otp")
NEVER: Final = frozenset(("sessions", "PWD", "OLDPWD", "discarded_events"))
TYPES: Final = frozenset(("error", "exception", "warning", "fault", "failure"))

COUNTING: Final = frozenset((
    "count", "length", "len", "size", "limit", "total", "ttl", "timeout", "expires", "expiry", "age", "duration",
    "start", "end", "time", "timestamp", "at", "ms", "seconds", "attempts", "retries", "tokens", "sessions", "cookies",
))  # fmt: skip
"""A number under a name that ends so (``token_count``, ``max_tokens``) is no secret; text is."""

PROSE: Final = frozenset((
    "auth", "session", "token", "cookie", "card", "credential", "credentials", "csrf", "pass", "authentication",
    "unauthorized", "unauthorised", "unauthenticated",
))  # fmt: skip
"""``session: closed by peer`` is prose: after these names alone, ``:`` and several plain words scrub nothing."""

KEPT: Final = frozenset((
    "none", "null", "nil", "undefined", "true", "false", "str", "int", "float", "bytes", "bool", "string", "number",
    "boolean", "any", "object", "optional", "void", "unknown",
))  # fmt: skip
"""Values and types that say nothing, wherever they stand as a value in text."""

HEADERS: Final = frozenset((
    "cookie", "set-cookie", "authorization", "proxy-authorization", "x-api-key", "x-auth-token", "x-csrf-token",
    "x-xsrf-token", "x-access-token",
))  # fmt: skip
"""Header names whose value is the next item of a flat list (Node's rawHeaders)."""

QUERY: Final = ("sig", "signature", "key", "x-amz-[a-z-]{1,40}", "x-goog-[a-z-]{1,40}", "hmac")
"""Query keys that are secret in an address only."""

SCHEME_WORDS: Final = frozenset((
    "token", "tokens", "auth", "authentication", "authorization", "realm", "scheme", "header", "is", "was", "not",
    "required", "missing", "and", "or", "of", "in", "for", "format",
))  # fmt: skip
"""What follows "bearer" in prose."""

ISSUED: Final = (
    r"eyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*", r"gh[pousr]_\w{20,}", r"github_pat_\w{20,}", r"glpat-[\w-]{20,}",
    r"xox[abprs]-[\w-]{10,}", r"[sr]k_(?:live|test)_\w{16,}", r"AKIA[0-9A-Z]{16}", r"AIza[\w-]{35}",
    r"SG\.[\w-]{16,}\.[\w-]{16,}",
)  # fmt: skip
"""Tokens known by their look: JSON web tokens, GitHub, GitLab, Slack, Stripe, AWS, Google, SendGrid."""

ISSUED_SPOTS: Final = (
    "eyJ", "gh[pousr]_", "github_pat_", "glpat-", "xox[abprs]-", "[sr]k_(?:live|test)_", "AKIA[0-9A-Z]{16}", "AIza",
    r"SG\.[\w-]{16}",
)  # fmt: skip

CARDS: Final = (
    ("4", (13, 16, 19)), ("51", (16,)), ("52", (16,)), ("53", (16,)), ("54", (16,)), ("55", (16,)), ("22", (16,)),
    ("23", (16,)), ("24", (16,)), ("25", (16,)), ("26", (16,)), ("27", (16,)), ("34", (15,)), ("37", (15,)),
    ("35", (16,)), ("30", (14, 16)), ("36", (14,)), ("38", (14,)), ("39", (14,)), ("60", (16, 19)),
    ("64", (16, 19)), ("65", (16, 19)), ("62", (16, 17, 18, 19)),
)  # fmt: skip
"""(prefix, lengths) of the card networks: Visa, Mastercard, American Express, JCB, Diners, Discover, UnionPay."""
