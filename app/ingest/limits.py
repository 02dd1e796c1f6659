"""Every limit of ingest, with its derivation. ``WIRE.md``, "Limits", shows them as a table; a test compares the two."""

from typing import Final, NamedTuple

KIB: Final = 1 << 10
MIB: Final = 1 << 20


class BodyLimits(NamedTuple):
    """Bytes that a body may have: as received, and after its Content-Encoding was undone."""

    packed: int
    unpacked: int


MAX_RECORD: Final = MIB
"""Bytes of one event, unpacked (API.md, "Ingest's answers and limits"). Kafka's message limits are set to fit it."""

MANY_LIMITS: Final = BodyLimits(20 * MIB, 100 * MIB)
"""An envelope or a bulk request: Relay's limits for envelopes, which Sentry's SDKs are written for."""

ONE_LIMITS: Final = BodyLimits(MAX_RECORD, MAX_RECORD)
"""One Raygun report, one ``/events`` request, one security report. Raygun's own limit is 128 KB."""

STORE_LIMITS: Final = BodyLimits(2 * MIB, 2 * MIB)
"""An event of MAX_RECORD in base64 takes 1.34 MiB."""

MAX_MINIDUMP: Final = 100 * MIB
"""Bytes that are read and dropped, so that the client's upload succeeds. Relay allows 100 MB of attachments."""

MAX_FIRST_LINE: Final = 64 * KIB
"""Bytes after which the key is looked for in the first line, ended or not. An envelope header takes under 1 KiB."""

MAX_ITEMS: Final = 1000
"""Items of one envelope. sentry-python sends some hundred sessions at once; each item costs time whatever its size."""

MAX_ELEMENTS: Final = 1000
"""Reports of one bulk request and events of one ``/events`` request. raygun4node sends batches of 100."""

MAX_BARE_EVENT: Final = 2 * MIB
"""Bytes of a body at ``/envelope/`` up to which it may be an event without an envelope: of twice MAX_RECORD, so that
one that is too large is counted as such."""

MAX_TOKENS: Final = 2_000_000
"""Brackets, commas and strings that the tolerant array splitter reads: half a second of work."""

MAX_QUANTITY: Final = 100_000
"""``item_count`` of one container is believed up to this: it is a client's claim and goes into the ledger."""

MAX_HEADER: Final = 256
"""Characters kept of User-Agent and of an item's content type."""

MAX_SESSION_ID: Final = 200
"""Characters of a session id that the facts keep. The record's key is made of all of them."""

SESSION_LIFE_MS: Final = 5 * 86_400_000
"""How long an open session may get updates: ``tables.sessions.LIFE_MS``."""

MAX_PREFLIGHT_NAMES: Final = 100
"""Names of headers that a preflight reply allows beyond the fixed ones."""

MAX_PROJECT_DIGITS: Final = 18
"""Digits of a project id in a path: every number of 18 digits fits PostgreSQL's bigint."""

MAX_KEY: Final = 200
"""Characters of a key; ours have 32."""

YIELD_EVERY: Final = MIB
"""Unpacked bytes after which other requests get their turn: about 3 ms of work."""

KNOWN_SECONDS: Final = 45.0
"""A disabled key is refused within 60 s (API.md, "Ingest's answers and limits"); 15 s are left for the lookup and for
requests on their way."""

UNKNOWN_SECONDS: Final = 5.0
"""Seconds for which an unknown key is refused without a lookup: few, since a key may be created just after a try."""

RETRY_SECONDS: Final = 5.0
"""While the store of keys does not answer, a key known before is used this long between two lookups."""

LOOKUP_SECONDS: Final = 2.0
"""Time of one lookup. An index scan takes under a millisecond: what takes longer is a store that is away."""

RULES_SECONDS: Final = 2.0
"""Between two readings of the projects' rules: a new version is stamped within 5 s (lookup, requests on their way)."""

MAX_KNOWN: Final = 100_000
"""Known keys in memory: some 30 MB at most."""

MAX_UNKNOWN: Final = 10_000
"""Unknown keys in memory: guessed keys cannot fill it."""

APPEND_SECONDS: Final = 9.0
"""A request is refused when its append took this long, a tenth more at most: an SDK that hears of it within 10 s sends
the event again, one that hears nothing gives up. Far below the deadline of the records."""

APPEND_MS: Final = 30_000
"""From a record's received time to its deadline in the log: half the skew; the other half is for clocks that differ.
The log takes no record after it, whatever delayed the transaction."""

FORGET_SECONDS: Final = 15.0
"""Seconds for which a failed append keeps ``/readyz`` at 503. A proxy sends nothing to a process that is not ready, so
that no later success could clear the reason."""

PREFLIGHT_SECONDS: Final = 3600
"""Seconds for which browsers may remember the answer to a preflight request; Relay's value."""
